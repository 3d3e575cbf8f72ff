// A convolution layer. Its weights start as N(0, 2/fan) with fan_in = I*k*k or fan_out = O*k*k (He et al. 2015), its
// bias at 0.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>

#include "engine/nn/module.h"

namespace drift {

enum class Fan : std::uint8_t { kIn, kOut };

struct Conv2dOptions {
  std::int64_t in_channels = 0;
  std::int64_t out_channels = 0;
  Window window{.size = 3, .stride = 1, .pad = 1};
  bool bias = false;
  Fan fan = Fan::kIn;
};

class Conv2d final : public Module {
 public:
  Conv2d(ParameterSet& set, const std::string& name, const Conv2dOptions& options)
      : window_(options.window),
        weight_(set.add_parameter(name + ".weight",
                                  {options.out_channels, window_.size, window_.size, options.in_channels},
                                  ParameterRole::kConvWeight, he_normal(options))),
        bias_(options.bias ? &set.add_parameter(name + ".bias", {options.out_channels}, ParameterRole::kConvBias, {})
                           : nullptr) {}

  Tensor forward(Tape& tape, const Tensor& x) const override {
    return conv2d(tape, x, weight_, bias_, window_.stride, window_.pad);
  }

  // Of relu(batch_norm(x)).
  Tensor forward_norm_relu(Tape& tape, const Tensor& x, const BatchNormState& norm) const {
    return batch_norm_relu_conv2d(tape, x, norm, weight_, bias_, window_.stride, window_.pad);
  }

 private:
  static Init he_normal(const Conv2dOptions& options) {
    const std::int64_t channels = options.fan == Fan::kIn ? options.in_channels : options.out_channels;
    const auto fan = static_cast<float>(channels * options.window.size * options.window.size);
    return {Init::Kind::kNormal, std::sqrt(2.0f / fan)};
  }

  Window window_;
  const Parameter& weight_;
  const Parameter* bias_;
};

}  // namespace drift
