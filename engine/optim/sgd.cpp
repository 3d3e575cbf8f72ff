// See sgd.h.
#include "engine/optim/sgd.h"

#include "core/check.h"

namespace drift {

void Sgd::update(Backend& backend, const ParameterSet& parameters, const TensorView& lr,
                 const TensorView& clip_scale) const {
  const bool clips = clip_grad_norm > 0;
  if (clips) {
    DRIFT_ASSERT(clip_scale, "gradients are clipped with no memory for what they are scaled by");
    backend.clip_scale({.values = parameters.gradients(), .result = clip_scale, .max_norm = clip_grad_norm});
  }
  const auto update_range = [&](std::size_t begin, std::size_t end, float decay) {
    if (begin == end) return;
    backend.sgd_update({.w = parameters.values().subspan(begin, end - begin),
                        .v = parameters.momentum().subspan(begin, end - begin),
                        .g = parameters.gradients().subspan(begin, end - begin),
                        .lr = lr,
                        .scale = clips ? clip_scale : TensorView{},
                        .momentum = momentum,
                        .weight_decay = decay,
                        .nesterov = nesterov});
  };
  const auto decayed = static_cast<std::size_t>(parameters.decayed_count());
  update_range(0, decayed, weight_decay);
  update_range(decayed, parameters.values().size(), decay_norm_and_bias ? weight_decay : 0.0f);
}

}  // namespace drift
