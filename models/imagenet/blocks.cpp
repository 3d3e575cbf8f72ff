// See blocks.h. A projection runs behind its block's convolutions so that its nodes are the first to go backward, right
// when their gradient is there.
#include "models/imagenet/blocks.h"

#include <optional>

#include "engine/nn/batch_norm.h"
#include "models/imagenet/convolution.h"

namespace drift {
namespace {

float last_gamma(const ImageNetBlock& block) {
  return block.starts_as_identity ? 0.0f : 1.0f;
}

class Shortcut final : public Module {
 public:
  Shortcut(ParameterSet& set, const std::string& name, const ImageNetBlock& block) {
    if (!block.changes_shape()) return;
    convolution_.emplace(set, name + ".0",
                         fan_out_convolution(1, block.in_channels, block.out_channels(), block.stride));
    norm_.emplace(set, name + ".1", block.out_channels());
  }

  Tensor forward(Tape& tape, const Tensor& x) const override {
    return norm_ ? norm_->forward(tape, convolution_->forward(tape, x)) : x;
  }

 private:
  std::optional<Conv2d> convolution_;
  std::optional<BatchNorm> norm_;
};

class BasicBlock final : public Module {
 public:
  BasicBlock(ParameterSet& set, const std::string& name, const ImageNetBlock& block)
      : conv1_(set, name + ".conv1", fan_out_convolution(3, block.in_channels, block.width, block.stride)),
        norm1_(set, name + ".bn1", block.width),
        conv2_(set, name + ".conv2", fan_out_convolution(3, block.width, block.width, 1)),
        norm2_(set, name + ".bn2", block.width, last_gamma(block)),
        shortcut_(set, name + ".downsample", block) {}

  Tensor forward(Tape& tape, const Tensor& x) const override {
    const Tensor y = norm1_.forward_relu_conv(tape, conv1_.forward(tape, x), conv2_);
    return norm2_.forward_add_relu(tape, y, shortcut_.forward(tape, x));
  }

 private:
  Conv2d conv1_;
  BatchNorm norm1_;
  Conv2d conv2_;
  BatchNorm norm2_;
  Shortcut shortcut_;
};

class Bottleneck final : public Module {
 public:
  Bottleneck(ParameterSet& set, const std::string& name, const ImageNetBlock& block)
      : conv1_(set, name + ".conv1",
               fan_out_convolution(1, block.in_channels, block.width, block.v1 ? block.stride : 1)),
        norm1_(set, name + ".bn1", block.width),
        conv2_(set, name + ".conv2", fan_out_convolution(3, block.width, block.width, block.v1 ? 1 : block.stride)),
        norm2_(set, name + ".bn2", block.width),
        conv3_(set, name + ".conv3", fan_out_convolution(1, block.width, block.out_channels(), 1)),
        norm3_(set, name + ".bn3", block.out_channels(), last_gamma(block)),
        shortcut_(set, name + ".downsample", block) {}

  Tensor forward(Tape& tape, const Tensor& x) const override {
    Tensor y = norm1_.forward_relu_conv(tape, conv1_.forward(tape, x), conv2_);
    y = norm2_.forward_relu_conv(tape, y, conv3_);
    return norm3_.forward_add_relu(tape, y, shortcut_.forward(tape, x));
  }

 private:
  Conv2d conv1_;
  BatchNorm norm1_;
  Conv2d conv2_;
  BatchNorm norm2_;
  Conv2d conv3_;
  BatchNorm norm3_;
  Shortcut shortcut_;
};

}  // namespace

std::unique_ptr<Module> make_imagenet_block(ParameterSet& set, const std::string& name, const ImageNetBlock& block) {
  if (block.bottleneck) return std::make_unique<Bottleneck>(set, name, block);
  return std::make_unique<BasicBlock>(set, name, block);
}

}  // namespace drift
