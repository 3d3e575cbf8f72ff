// The ways a convolution of a residual network ends: normalise and activate, perhaps for one more convolution; or
// normalise, add the residual and activate. Batch norm goes with ReLU, in one pass each; group norm goes with SiLU.
#pragma once

#include <memory>
#include <string>

#include "engine/nn/conv2d.h"
#include "engine/nn/module.h"
#include "models/registry.h"

namespace drift {

class NormActivation : public Module {
 public:
  // activation(norm(x) + residual); forward(x) leaves the residual out.
  virtual Tensor forward_add(Tape& tape, const Tensor& x, const Tensor& residual) const = 0;
  // next(forward(x)), where nothing else reads forward(x).
  virtual Tensor forward_conv(Tape& tape, const Tensor& x, const Conv2d& next) const = 0;
};

// As options.norm and options.groups say.
std::unique_ptr<NormActivation> make_norm_activation(ParameterSet& set, const std::string& name, std::int64_t channels,
                                                     const ModelOptions& options);

}  // namespace drift
