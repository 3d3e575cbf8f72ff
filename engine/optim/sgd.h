// SGD with momentum and coupled weight decay over the arenas of one replica: one launch for the weights, which decay,
// and one for norm parameters and biases, which by default do not. Where gradients are clipped, one before them finds
// what all are scaled by; the decay is added afterwards, unclipped. The gradients stay as they were. Formulas:
// ClipScale, SgdUpdate.
#pragma once

#include "engine/arena_range.h"
#include "engine/parameter_set.h"

namespace drift {

struct Sgd {
  float momentum = 0;
  float weight_decay = 0;
  bool nesterov = false;
  bool decay_norm_and_bias = false;
  double clip_grad_norm = 0;  // of all parameters together; 0: gradients as they are

  // lr: float32 [1] in device memory. clip_scale: the same, to be written; only where clipping.
  void update(Backend& backend, const ParameterSet& parameters, const TensorView& lr,
              const TensorView& clip_scale = {}) const;
  // Of a part of the arenas, where gradients are not clipped.
  void update_range(Backend& backend, const ParameterSet& parameters, const TensorView& lr,
                    const ArenaRange& range) const;

 private:
  void scaled_update(Backend& backend, const ParameterSet& parameters, const TensorView& lr, const TensorView& scale,
                     const ArenaRange& range) const;
};

}  // namespace drift
