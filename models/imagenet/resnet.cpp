// See resnet.h. Names are torchvision's (conv1, bn1, layer1.0.conv1, layer1.0.downsample.0, ..., fc), and so is the
// start: convolutions N(0, 2/fan_out), every gamma 1, or with options.zero_init_residual 0 where a block ends. The
// linear layer has the variance of torchvision's U(-1/sqrt(I), 1/sqrt(I)), drawn from a normal, and bias 0.
#include "models/imagenet/resnet.h"

#include <cmath>
#include <fmt/format.h>
#include <vector>

#include "engine/nn/batch_norm.h"
#include "engine/nn/linear.h"
#include "models/imagenet/blocks.h"
#include "models/imagenet/convolution.h"

namespace drift {
namespace {

constexpr std::int64_t kImageChannels = 3;
constexpr std::int64_t kStemChannels = 64;
constexpr Window kStemPool{.size = 3, .stride = 2, .pad = 1};

class ResNet final : public Module {
 public:
  ResNet(ParameterSet& set, const ModelOptions& options, const ImageNetResNet& form)
      : conv1_(set, "conv1", fan_out_convolution(7, kImageChannels, kStemChannels, 2)),
        norm1_(set, "bn1", kStemChannels) {
    ImageNetBlock block{.bottleneck = form.bottlenecks,
                        .v1 = options.resnet_v1,
                        .starts_as_identity = options.zero_init_residual,
                        .in_channels = kStemChannels,
                        .width = kStemChannels};
    for (std::size_t stage = 0; stage < form.blocks.size(); ++stage) {
      for (std::int64_t i = 0; i < form.blocks[stage]; ++i) {
        block.stride = stage > 0 && i == 0 ? 2 : 1;
        blocks_.push_back(make_imagenet_block(set, fmt::format("layer{}.{}", stage + 1, i), block));
        block.in_channels = block.out_channels();
      }
      block.width *= 2;
    }
    const float weight_std = 1 / std::sqrt(3 * static_cast<float>(block.in_channels));
    classifier_ = std::make_unique<Linear>(
        set, "fc",
        LinearOptions{.in_features = block.in_channels, .out_features = options.classes, .weight_std = weight_std});
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
  std::vector<std::unique_ptr<Module>> blocks_;
  std::unique_ptr<Linear> classifier_;
};

}  // namespace

std::unique_ptr<Module> make_imagenet_resnet(ParameterSet& set, const ModelOptions& options,
                                             const ImageNetResNet& form) {
  return std::make_unique<ResNet>(set, options, form);
}

}  // namespace drift
