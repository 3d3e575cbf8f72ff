// See resnet_cifar.h. Names are those of the common PyTorch implementations (conv1, bn1, layer1.0.conv1, ..., linear),
// also with group norm, whose layers are called bn there too.
#include "models/resnet_cifar.h"

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "models/layer_list.h"
#include "models/norm_activation.h"

namespace drift {
namespace {

constexpr std::int64_t kImageChannels = 3;
constexpr std::int64_t kStemChannels = 16;  // 32 and 64 in the stages behind the first
constexpr int kStages = 3;
constexpr std::int64_t kImageNetDepth = 50;  // resnet50 is not one of these networks
constexpr float kLinearStd = 0.01f;

struct BlockPlan {
  std::string name;  // "layer2.0"
  std::int64_t in_channels, out_channels, stride;

  Conv2dOptions conv1() const {
    return {
        .in_channels = in_channels, .out_channels = out_channels, .window = {.size = 3, .stride = stride, .pad = 1}};
  }
  Conv2dOptions conv2() const { return {.in_channels = out_channels, .out_channels = out_channels}; }
  bool changes_shape() const { return stride != 1 || in_channels != out_channels; }
};

std::vector<BlockPlan> plan_blocks(std::int64_t blocks_per_stage) {
  std::vector<BlockPlan> plans;
  std::int64_t in_channels = kStemChannels;
  for (int stage = 0; stage < kStages; ++stage) {
    const std::int64_t channels = kStemChannels << stage;
    for (std::int64_t block = 0; block < blocks_per_stage; ++block) {
      const std::int64_t stride = stage > 0 && block == 0 ? 2 : 1;
      plans.push_back({fmt::format("layer{}.{}", stage + 1, block), in_channels, channels, stride});
      in_channels = channels;
    }
  }
  return plans;
}

Conv2dOptions stem_options() {
  return {.in_channels = kImageChannels, .out_channels = kStemChannels};
}

LinearOptions classifier_options(const ModelOptions& options) {
  return {.in_features = kStemChannels << (kStages - 1), .out_features = options.classes, .weight_std = kLinearStd};
}

class BasicBlock final : public Module {
 public:
  BasicBlock(ParameterSet& set, const BlockPlan& plan, const ModelOptions& options)
      : conv1_(set, plan.name + ".conv1", plan.conv1()),
        norm1_(make_norm_activation(set, plan.name + ".bn1", plan.out_channels, options)),
        conv2_(set, plan.name + ".conv2", plan.conv2()),
        norm2_(make_norm_activation(set, plan.name + ".bn2", plan.out_channels, options)),
        plan_(plan) {}

  // The shortcut runs last so that its node is the first to go backward, right when its gradient is there.
  Tensor forward(Tape& tape, const Tensor& x) const override {
    Tensor y = norm1_->forward(tape, conv1_.forward(tape, x));
    y = conv2_.forward(tape, y);
    const Tensor residual = plan_.changes_shape() ? shortcut(tape, x, plan_.stride, plan_.out_channels) : x;
    return norm2_->forward_add(tape, y, residual);
  }

 private:
  Conv2d conv1_;
  std::unique_ptr<NormActivation> norm1_;
  Conv2d conv2_;
  std::unique_ptr<NormActivation> norm2_;
  BlockPlan plan_;
};

class ResNetCifar final : public Module {
 public:
  ResNetCifar(ParameterSet& set, const std::vector<BlockPlan>& plans, const ModelOptions& options)
      : conv1_(set, "conv1", stem_options()), norm1_(make_norm_activation(set, "bn1", kStemChannels, options)) {
    for (const BlockPlan& plan : plans) blocks_.push_back(std::make_unique<BasicBlock>(set, plan, options));
    linear_ = std::make_unique<Linear>(set, "linear", classifier_options(options));
  }

  Tensor forward(Tape& tape, const Tensor& images) const override {
    Tensor x = norm1_->forward(tape, conv1_.forward(tape, images));
    for (const auto& block : blocks_) x = block->forward(tape, x);
    return linear_->forward(tape, global_average_pool(tape, x));
  }

 private:
  Conv2d conv1_;
  std::unique_ptr<NormActivation> norm1_;
  std::vector<std::unique_ptr<BasicBlock>> blocks_;
  std::unique_ptr<Linear> linear_;
};

enum class Ending { kActivate, kAddActivate };

// prefix "layer1.0.", number "1": the rows behind the convolution of that number.
void list_norm_activation(LayerList& rows, const std::string& prefix, int number, Ending ending,
                          const ModelOptions& options) {
  const std::string norm_name = fmt::format("{}bn{}", prefix, number);
  if (options.norm == "batch") {
    rows.norm(norm_name, ending == Ending::kAddActivate ? "batch norm + add + relu" : "batch norm + relu");
    return;
  }
  rows.norm(norm_name, fmt::format("group norm {}", options.groups));
  if (ending == Ending::kAddActivate) rows.elementwise(prefix + "add", "add");
  rows.elementwise(fmt::format("{}act{}", prefix, number), "silu");
}

std::vector<LayerInfo> list_layers(const Shape& input, const std::vector<BlockPlan>& plans,
                                   const ModelOptions& options) {
  LayerList rows(input);
  rows.convolution("conv1", stem_options());
  list_norm_activation(rows, "", 1, Ending::kActivate, options);
  for (const BlockPlan& plan : plans) {
    rows.convolution(plan.name + ".conv1", plan.conv1());
    list_norm_activation(rows, plan.name + ".", 1, Ending::kActivate, options);
    rows.convolution(plan.name + ".conv2", plan.conv2());
    if (plan.changes_shape()) rows.shortcut(plan.name + ".shortcut", plan.stride, rows.shape());
    list_norm_activation(rows, plan.name + ".", 2, Ending::kAddActivate, options);
  }
  rows.global_average_pool("pool");
  rows.linear("linear", classifier_options(options));
  return rows.take();
}

// Of 8, 14, 20, ... without 50.
std::int64_t nearest_depth(std::int64_t depth) {
  const std::int64_t nearest = 6 * std::max<std::int64_t>(1, (depth - 2 + 3) / 6) + 2;
  if (nearest != kImageNetDepth) return nearest;
  return depth < kImageNetDepth ? nearest - 6 : nearest + 6;
}

void check_options(const ModelOptions& options, std::int64_t depth) {
  const std::int64_t nearest = nearest_depth(depth);
  DRIFT_CHECK(
      kConfig, depth == nearest,
      "{}: a CIFAR ResNet has 6n+2 layers, and the one ResNet for ImageNet is resnet{}. Did you mean 'resnet{}'?",
      options.name, kImageNetDepth, nearest);
  DRIFT_CHECK(kConfig, options.norm == "batch" || options.norm == "group",
              "{}: the norm must be 'batch' or 'group', got '{}'", options.name, options.norm);
  DRIFT_CHECK(kConfig, options.norm == "batch" || (options.groups >= 1 && kStemChannels % options.groups == 0),
              "{}: the number of groups must divide {} channels, got {}", options.name, kStemChannels, options.groups);
}

}  // namespace

std::unique_ptr<Model> make_resnet_cifar(const ModelOptions& options, std::int64_t depth) {
  check_options(options, depth);
  const std::vector<BlockPlan> plans = plan_blocks((depth - 2) / 6);
  auto model = std::make_unique<Model>();
  model->options = options;
  model->input = {32, 32, kImageChannels};
  model->network = std::make_unique<ResNetCifar>(model->parameters, plans, options);
  model->layers = list_layers(model->input, plans, options);
  return model;
}

}  // namespace drift
