// SGD with momentum and coupled weight decay over the arenas of one replica: one launch for the weights, which decay,
// and one for norm parameters and biases, which by default do not. The gradients stay as they were. Formula: SgdUpdate.
#pragma once

#include "engine/parameter_set.h"

namespace drift {

struct Sgd {
  float momentum = 0;
  float weight_decay = 0;
  bool nesterov = false;
  bool decay_norm_and_bias = false;

  void update(Backend& backend, const ParameterSet& parameters, float lr) const;
};

}  // namespace drift
