// See vgg.h. Names are torchvision's: features.N counts convolutions, activations and pools; the linear layer is
// `classifier`.
#include "models/cifar/vgg.h"

#include <cmath>
#include <fmt/format.h>

#include "engine/nn/conv2d.h"
#include "engine/nn/linear.h"

namespace drift {
namespace {

constexpr std::int64_t kImageChannels = 3;
struct Stage {
  std::int64_t channels;
  int convolutions;
};
constexpr Stage kStages[] = {{64, 2}, {128, 2}, {256, 3}, {512, 3}, {512, 3}};  // a pool ends each
constexpr Window kPool{.size = 2, .stride = 2, .pad = 0};

// A convolution with its SiLU, and the pool where one follows.
class ConvSilu final : public Module {
 public:
  ConvSilu(ParameterSet& set, const std::string& name, std::int64_t in_channels, std::int64_t out_channels,
           std::string activation_name, std::string pool_name)
      : convolution_(set, name, {.in_channels = in_channels, .out_channels = out_channels, .bias = true}),
        activation_name_(std::move(activation_name)),
        pool_name_(std::move(pool_name)) {}

  Tensor forward(Tape& tape, const Tensor& x) const override {
    const Tensor y = activation(tape, convolution_.forward(tape, x), Activation::kSilu, activation_name_);
    return pool_name_.empty() ? y : pool(tape, y, Pooling::kAverage, kPool, pool_name_);
  }

 private:
  Conv2d convolution_;
  std::string activation_name_, pool_name_;  // the latter empty where no pool follows
};

class Vgg final : public Module {
 public:
  Vgg(ParameterSet& set, std::int64_t classes) {
    std::int64_t in_channels = kImageChannels;
    int position = 0;
    const auto next_name = [&position] { return fmt::format("features.{}", position++); };
    for (const Stage& stage : kStages) {
      for (int i = 0; i < stage.convolutions; ++i) {
        const std::string name = next_name(), activation_name = next_name();
        const std::string pool_name = i + 1 == stage.convolutions ? next_name() : "";
        features_.push_back(
            std::make_unique<ConvSilu>(set, name, in_channels, stage.channels, activation_name, pool_name));
        in_channels = stage.channels;
      }
    }
    classifier_ =
        std::make_unique<Linear>(set, "classifier",
                                 LinearOptions{.in_features = in_channels,
                                               .out_features = classes,
                                               .weight_std = std::sqrt(2.0f / static_cast<float>(in_channels))});
  }

  Tensor forward(Tape& tape, const Tensor& images) const override {
    Tensor x = images;
    for (const auto& feature : features_) x = feature->forward(tape, x);
    // [N,1,1,C] -> [N,C]
    return classifier_->forward(tape, x.reshaped({x.shape()[0], x.shape().elements() / x.shape()[0]}));
  }

 private:
  std::vector<std::unique_ptr<ConvSilu>> features_;
  std::unique_ptr<Linear> classifier_;
};

}  // namespace

std::unique_ptr<Module> make_cifar_vgg16(ParameterSet& set, const ModelOptions& options) {
  return std::make_unique<Vgg>(set, options.classes);
}

}  // namespace drift
