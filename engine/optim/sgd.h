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

  // lr: float32 [1] in device memory, see LearningRate.
  void update(Backend& backend, const ParameterSet& parameters, const TensorView& lr) const;
};

// The learning rate, where the optimizer reads it.
class LearningRate {
 public:
  explicit LearningRate(Device device) : value_(device, sizeof(float)) {}
  LearningRate(Backend& backend, float rate) : LearningRate(backend.stream().device()) { set(backend, rate); }

  void set(Backend& backend, float rate) { backend.upload(&rate, view()); }
  TensorView view() const { return {.data = value_.data(), .shape = {1}}; }

 private:
  Storage value_;
};

}  // namespace drift
