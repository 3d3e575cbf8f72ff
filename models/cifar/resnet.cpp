// See resnet.h. Names are those of the common PyTorch implementations (conv1, bn1, layer1.0.conv1, ..., linear), also
// with group norm, whose layers are called bn there too.
#include "models/cifar/resnet.h"

#include <fmt/format.h>

#include "core/check.h"
#include "engine/nn/conv2d.h"
#include "engine/nn/linear.h"
#include "models/cifar/norm_activation.h"

namespace drift {
namespace {

constexpr std::int64_t kImageChannels = 3;
constexpr std::int64_t kStemChannels = 16;  // 32 and 64 in the stages behind the first
constexpr int kStages = 3;
constexpr float kLinearStd = 0.01f;

struct BlockOptions {
  std::int64_t in_channels, out_channels, stride;
};

class BasicBlock final : public Module {
 public:
  BasicBlock(ParameterSet& set, const std::string& name, const BlockOptions& block, const ModelOptions& options)
      : block_(block),
        conv1_(set, name + ".conv1",
               {.in_channels = block.in_channels,
                .out_channels = block.out_channels,
                .window = {.size = 3, .stride = block.stride, .pad = 1}}),
        norm1_(make_norm_activation(set, name + ".bn1", block.out_channels, options)),
        conv2_(set, name + ".conv2", {.in_channels = block.out_channels, .out_channels = block.out_channels}),
        norm2_(make_norm_activation(set, name + ".bn2", block.out_channels, options)),
        shortcut_name_(name + ".shortcut") {}

  // The shortcut runs last so that its node is the first to go backward, right when its gradient is there.
  Tensor forward(Tape& tape, const Tensor& x) const override {
    const Tensor y = norm1_->forward_conv(tape, conv1_.forward(tape, x), conv2_);
    return norm2_->forward_add(tape, y, residual(tape, x));
  }

 private:
  Tensor residual(Tape& tape, const Tensor& x) const {
    if (block_.stride == 1 && block_.in_channels == block_.out_channels) return x;
    return shortcut(tape, x, block_.stride, block_.out_channels, shortcut_name_);
  }

  BlockOptions block_;
  Conv2d conv1_;
  std::unique_ptr<NormActivation> norm1_;
  Conv2d conv2_;
  std::unique_ptr<NormActivation> norm2_;
  std::string shortcut_name_;
};

class CifarResNet final : public Module {
 public:
  CifarResNet(ParameterSet& set, std::int64_t blocks_per_stage, const ModelOptions& options)
      : conv1_(set, "conv1", {.in_channels = kImageChannels, .out_channels = kStemChannels}),
        norm1_(make_norm_activation(set, "bn1", kStemChannels, options)) {
    std::int64_t in_channels = kStemChannels;
    for (int stage = 0; stage < kStages; ++stage) {
      const std::int64_t channels = kStemChannels << stage;
      for (std::int64_t block = 0; block < blocks_per_stage; ++block) {
        const BlockOptions shape{in_channels, channels, stage > 0 && block == 0 ? 2 : 1};
        const std::string name = fmt::format("layer{}.{}", stage + 1, block);
        blocks_.push_back(std::make_unique<BasicBlock>(set, name, shape, options));
        in_channels = channels;
      }
    }
    linear_ = std::make_unique<Linear>(
        set, "linear",
        LinearOptions{.in_features = in_channels, .out_features = options.classes, .weight_std = kLinearStd});
  }

  Tensor forward(Tape& tape, const Tensor& images) const override {
    Tensor x = norm1_->forward(tape, conv1_.forward(tape, images));
    for (const auto& block : blocks_) x = block->forward(tape, x);
    return linear_->forward(tape, global_average_pool(tape, x, "pool"));
  }

 private:
  Conv2d conv1_;
  std::unique_ptr<NormActivation> norm1_;
  std::vector<std::unique_ptr<BasicBlock>> blocks_;
  std::unique_ptr<Linear> linear_;
};

}  // namespace

std::unique_ptr<Module> make_cifar_resnet(ParameterSet& set, const ModelOptions& options, std::int64_t depth) {
  DRIFT_ASSERT(depth >= 8 && depth % 6 == 2, "a CIFAR ResNet of {} layers", depth);
  DRIFT_CHECK(kConfig, options.norm == "batch" || options.norm == "group",
              "{}: the norm must be 'batch' or 'group', got '{}'", options.name, options.norm);
  DRIFT_CHECK(kConfig, options.norm == "batch" || (options.groups >= 1 && kStemChannels % options.groups == 0),
              "{}: the number of groups must divide {} channels, got {}", options.name, kStemChannels, options.groups);
  return std::make_unique<CifarResNet>(set, (depth - 2) / 6, options);
}

}  // namespace drift
