// A fully connected layer. Its weights start as N(0, weight_std^2), which each network chooses; its bias at 0.
#pragma once

#include <string>

#include "engine/nn/module.h"

namespace drift {

struct LinearOptions {
  std::int64_t in_features = 0;
  std::int64_t out_features = 0;
  float weight_std = 0;
};

class Linear final : public Module {
 public:
  Linear(ParameterSet& set, const std::string& name, const LinearOptions& options)
      : weight_(set.add_parameter(name + ".weight", {options.out_features, options.in_features},
                                  ParameterRole::kLinearWeight, {Init::Kind::kNormal, options.weight_std})),
        bias_(set.add_parameter(name + ".bias", {options.out_features}, ParameterRole::kLinearBias, {})) {}

  Tensor forward(Tape& tape, const Tensor& x) const override { return linear(tape, x, weight_, bias_); }

 private:
  const Parameter& weight_;
  const Parameter& bias_;
};

}  // namespace drift
