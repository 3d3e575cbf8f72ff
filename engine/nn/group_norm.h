// A group-norm layer: gamma starts at 1, beta at 0.
#pragma once

#include <string>

#include "engine/nn/module.h"

namespace drift {

class GroupNorm final : public Module {
 public:
  GroupNorm(ParameterSet& set, const std::string& name, std::int64_t channels, std::int64_t groups)
      : gamma_(set.add_parameter(name + ".weight", {channels}, ParameterRole::kNormScale, {.value = 1})),
        beta_(set.add_parameter(name + ".bias", {channels}, ParameterRole::kNormShift, {})),
        groups_(groups) {}

  Tensor forward(Tape& tape, const Tensor& x) const override { return group_norm(tape, x, gamma_, beta_, groups_); }

 private:
  const Parameter& gamma_;
  const Parameter& beta_;
  std::int64_t groups_;
};

}  // namespace drift
