// See resnet.h. Names are torchvision's (conv1, bn1, layer1.0.conv1, layer1.0.downsample.0, ..., fc), and so is the
// start: convolutions N(0, 2/fan_out), every gamma 1. The linear layer has the variance of torchvision's
// U(-1/sqrt(I), 1/sqrt(I)), drawn from a normal, and bias 0.
#include "models/imagenet/resnet.h"

#include <cmath>
#include <fmt/format.h>
#include <optional>

#include "engine/nn/batch_norm.h"
#include "engine/nn/conv2d.h"
#include "engine/nn/linear.h"

namespace drift {
namespace {

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

struct BlockOptions {
  std::int64_t in_channels, width, stride;

  std::int64_t out_channels() const { return kExpansion * width; }
  bool changes_shape() const { return stride != 1 || in_channels != out_channels(); }
};

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
  Bottleneck(ParameterSet& set, const std::string& name, const BlockOptions& block)
      : conv1_(set, name + ".conv1", convolution(1, block.in_channels, block.width, 1)),
        norm1_(set, name + ".bn1", block.width),
        conv2_(set, name + ".conv2", convolution(3, block.width, block.width, block.stride)),
        norm2_(set, name + ".bn2", block.width),
        conv3_(set, name + ".conv3", convolution(1, block.width, block.out_channels(), 1)),
        norm3_(set, name + ".bn3", block.out_channels()) {
    if (!block.changes_shape()) return;
    projection_.emplace(set, name + ".downsample",
                        convolution(1, block.in_channels, block.out_channels(), block.stride));
  }

  // The projection runs last so that its nodes are the first to go backward, right when their gradient is there.
  Tensor forward(Tape& tape, const Tensor& x) const override {
    Tensor y = norm1_.forward_relu_conv(tape, conv1_.forward(tape, x), conv2_);
    y = norm2_.forward_relu_conv(tape, y, conv3_);
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
  ResNet50(ParameterSet& set, std::int64_t classes)
      : conv1_(set, "conv1", convolution(7, kImageChannels, kStemChannels, 2)), norm1_(set, "bn1", kStemChannels) {
    std::int64_t in_channels = kStemChannels, width = kStemChannels;
    int stage = 1;
    for (const std::int64_t blocks : kBlocksPerStage) {
      for (std::int64_t i = 0; i < blocks; ++i) {
        const BlockOptions block{in_channels, width, stage > 1 && i == 0 ? 2 : 1};
        blocks_.push_back(std::make_unique<Bottleneck>(set, fmt::format("layer{}.{}", stage, i), block));
        in_channels = block.out_channels();
      }
      width *= 2;
      ++stage;
    }
    const float weight_std = 1 / std::sqrt(3 * static_cast<float>(in_channels));
    classifier_ = std::make_unique<Linear>(
        set, "fc", LinearOptions{.in_features = in_channels, .out_features = classes, .weight_std = weight_std});
  }

  Tensor forward(Tape& tape, const Tensor& images) const override {
    Tensor x = norm1_.forward_relu(tape, conv1_.forward(tape, images));
    x = pool(tape, x, Pooling::kMax, kStemPool, "maxpool");
    for (const auto& block : blocks_) x = block->forward(tape, x);
    return classifier_->forward(tape, global_average_pool(tape, x, "avgpool"));
  }

 private:
  Conv2d conv1_;
  BatchNorm norm1_;
  std::vector<std::unique_ptr<Bottleneck>> blocks_;
  std::unique_ptr<Linear> classifier_;
};

}  // namespace

std::unique_ptr<Module> make_resnet50(ParameterSet& set, const ModelOptions& options) {
  return std::make_unique<ResNet50>(set, options.classes);
}

}  // namespace drift
