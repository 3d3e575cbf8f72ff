// See resnet_imagenet.h. Names are torchvision's (conv1, bn1, layer1.0.conv1, layer1.0.downsample.0, ..., fc), and so
// is the start: convolutions N(0, 2/fan_out), every gamma 1. The linear layer has the variance of torchvision's
// U(-1/sqrt(I), 1/sqrt(I)), drawn from a normal, and bias 0.
#include "models/resnet_imagenet.h"

#include <cmath>
#include <optional>
#include <utility>

#include "core/check.h"
#include "engine/nn/batch_norm.h"
#include "engine/nn/conv2d.h"
#include "models/layer_list.h"

namespace drift {
namespace {

constexpr std::int64_t kImageExtent = 224;
constexpr std::int64_t kImageChannels = 3;
constexpr std::int64_t kStemChannels = 64;
constexpr std::int64_t kExpansion = 4;  // a bottleneck's output has 4 times the channels of its 3x3 convolution
constexpr std::int64_t kBlocksPerStage[] = {3, 4, 6, 3};
constexpr Window kStemPool{.size = 3, .stride = 2, .pad = 1};

// Square, padded so that stride 1 keeps the extent, without bias.
Conv2dOptions convolution(std::int64_t size, std::int64_t in_channels, std::int64_t out_channels, std::int64_t stride) {
  return {.in_channels = in_channels,
          .out_channels = out_channels,
          .window = {.size = size, .stride = stride, .pad = size / 2},
          .fan = Fan::kOut};
}

struct BottleneckPlan {
  std::string name;  // "layer2.0"
  std::int64_t in_channels, width, stride;

  std::int64_t out_channels() const { return kExpansion * width; }
  Conv2dOptions conv1() const { return convolution(1, in_channels, width, 1); }
  Conv2dOptions conv2() const { return convolution(3, width, width, stride); }
  Conv2dOptions conv3() const { return convolution(1, width, out_channels(), 1); }
  bool changes_shape() const { return stride != 1 || in_channels != out_channels(); }
  Conv2dOptions projection() const { return convolution(1, in_channels, out_channels(), stride); }
};

std::vector<BottleneckPlan> plan_blocks() {
  std::vector<BottleneckPlan> plans;
  std::int64_t in_channels = kStemChannels, width = kStemChannels;
  int stage = 1;
  for (const std::int64_t blocks : kBlocksPerStage) {
    for (std::int64_t block = 0; block < blocks; ++block) {
      const std::int64_t stride = stage > 1 && block == 0 ? 2 : 1;
      plans.push_back({fmt::format("layer{}.{}", stage, block), in_channels, width, stride});
      in_channels = plans.back().out_channels();
    }
    width *= 2;
    ++stage;
  }
  return plans;
}

Conv2dOptions stem_options() {
  return convolution(7, kImageChannels, kStemChannels, 2);
}

LinearOptions classifier_options(std::int64_t features, const ModelOptions& options) {
  return {.in_features = features,
          .out_features = options.classes,
          .weight_std = 1 / std::sqrt(3 * static_cast<float>(features))};
}

class Projection final : public Module {
 public:
  Projection(ParameterSet& set, const std::string& name, const Conv2dOptions& options)
      : convolution_(set, name + ".0", options), norm_(set, name + ".1", options.out_channels) {}

  Tensor forward(Tape& tape, const Tensor& x) const override {
    return norm_.forward(tape, convolution_.forward(tape, x));
  }

 private:
  Conv2d convolution_;
  BatchNorm norm_;
};

class Bottleneck final : public Module {
 public:
  Bottleneck(ParameterSet& set, const BottleneckPlan& plan)
      : conv1_(set, plan.name + ".conv1", plan.conv1()),
        norm1_(set, plan.name + ".bn1", plan.width),
        conv2_(set, plan.name + ".conv2", plan.conv2()),
        norm2_(set, plan.name + ".bn2", plan.width),
        conv3_(set, plan.name + ".conv3", plan.conv3()),
        norm3_(set, plan.name + ".bn3", plan.out_channels()) {
    if (plan.changes_shape()) projection_.emplace(set, plan.name + ".downsample", plan.projection());
  }

  // The projection runs last so that its nodes are the first to go backward, right when their gradient is there.
  Tensor forward(Tape& tape, const Tensor& x) const override {
    Tensor y = norm1_.forward_relu(tape, conv1_.forward(tape, x));
    y = norm2_.forward_relu(tape, conv2_.forward(tape, y));
    y = conv3_.forward(tape, y);
    return norm3_.forward_add_relu(tape, y, projection_ ? projection_->forward(tape, x) : x);
  }

 private:
  Conv2d conv1_;
  BatchNorm norm1_;
  Conv2d conv2_;
  BatchNorm norm2_;
  Conv2d conv3_;
  BatchNorm norm3_;
  std::optional<Projection> projection_;
};

class ResNet50 final : public Module {
 public:
  ResNet50(ParameterSet& set, const std::vector<BottleneckPlan>& plans, const LinearOptions& classifier)
      : conv1_(set, "conv1", stem_options()), norm1_(set, "bn1", kStemChannels) {
    for (const BottleneckPlan& plan : plans) blocks_.push_back(std::make_unique<Bottleneck>(set, plan));
    classifier_ = std::make_unique<Linear>(set, "fc", classifier);
  }

  Tensor forward(Tape& tape, const Tensor& images) const override {
    Tensor x = norm1_.forward_relu(tape, conv1_.forward(tape, images));
    x = pool(tape, x, Pooling::kMax, kStemPool);
    for (const auto& block : blocks_) x = block->forward(tape, x);
    return classifier_->forward(tape, global_average_pool(tape, x));
  }

 private:
  Conv2d conv1_;
  BatchNorm norm1_;
  std::vector<std::unique_ptr<Bottleneck>> blocks_;
  std::unique_ptr<Linear> classifier_;
};

void list_block(LayerList& rows, const BottleneckPlan& plan) {
  LayerList projection(rows.shape());
  rows.convolution(plan.name + ".conv1", plan.conv1());
  rows.norm(plan.name + ".bn1", "batch norm + relu");
  rows.convolution(plan.name + ".conv2", plan.conv2());
  rows.norm(plan.name + ".bn2", "batch norm + relu");
  rows.convolution(plan.name + ".conv3", plan.conv3());
  if (plan.changes_shape()) {
    projection.convolution(plan.name + ".downsample.0", plan.projection());
    projection.norm(plan.name + ".downsample.1", "batch norm");
    rows.branch(std::move(projection));
  }
  rows.norm(plan.name + ".bn3", "batch norm + add + relu");
}

std::vector<LayerInfo> list_layers(const Shape& input, const std::vector<BottleneckPlan>& plans,
                                   const LinearOptions& classifier) {
  LayerList rows(input);
  rows.convolution("conv1", stem_options());
  rows.norm("bn1", "batch norm + relu");
  rows.pool("maxpool", Pooling::kMax, kStemPool);
  for (const BottleneckPlan& plan : plans) list_block(rows, plan);
  rows.global_average_pool("avgpool");
  rows.linear("fc", classifier);
  return rows.take();
}

}  // namespace

std::unique_ptr<Model> make_resnet50(const ModelOptions& options) {
  DRIFT_CHECK(kConfig, options.norm == "batch",
              "resnet50: the norm must be 'batch', got '{}'; a norm can be chosen for CIFAR ResNets", options.norm);
  const std::vector<BottleneckPlan> plans = plan_blocks();
  const LinearOptions classifier = classifier_options(plans.back().out_channels(), options);
  auto model = std::make_unique<Model>();
  model->options = options;
  model->input = {kImageExtent, kImageExtent, kImageChannels};
  model->network = std::make_unique<ResNet50>(model->parameters, plans, classifier);
  model->layers = list_layers(model->input, plans, classifier);
  return model;
}

}  // namespace drift
