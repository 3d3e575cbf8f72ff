// A batch-norm layer: gamma starts at 1 unless told otherwise, beta at 0, the running statistics at mean 0 and
// variance 1.
#pragma once

#include <string>

#include "engine/nn/conv2d.h"
#include "engine/nn/module.h"

namespace drift {

class BatchNorm final : public Module {
 public:
  BatchNorm(ParameterSet& set, const std::string& name, std::int64_t channels, float gamma = 1)
      : state_{.gamma = set.add_parameter(name + ".weight", {channels}, ParameterRole::kNormScale, {.value = gamma}),
               .beta = set.add_parameter(name + ".bias", {channels}, ParameterRole::kNormShift, {}),
               .running_mean = set.add_buffer(name + ".running_mean", {channels}, 0),
               .running_var = set.add_buffer(name + ".running_var", {channels}, 1)} {}

  Tensor forward(Tape& tape, const Tensor& x) const override { return batch_norm(tape, x, state_); }
  Tensor forward_relu(Tape& tape, const Tensor& x) const { return batch_norm_relu(tape, x, state_); }
  Tensor forward_add_relu(Tape& tape, const Tensor& x, const Tensor& residual) const {
    return batch_norm_add_relu(tape, x, residual, state_);
  }

  // With the ReLU and the convolution behind it.
  Tensor forward_relu_conv(Tape& tape, const Tensor& x, const Conv2d& next) const {
    return next.forward_norm_relu(tape, x, state_);
  }

 private:
  BatchNormState state_;
};

}  // namespace drift
