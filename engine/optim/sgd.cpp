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
  scaled_update(backend, parameters, lr, clips ? clip_scale : TensorView{}, {0, std::ssize(parameters.values())});
}

void Sgd::update_range(Backend& backend, const ParameterSet& parameters, const TensorView& lr,
                       const ArenaRange& range) const {
  DRIFT_ASSERT(clip_grad_norm == 0, "the norm of a part of the gradients is not that of all");
  scaled_update(backend, parameters, lr, {}, range);
}

void Sgd::scaled_update(Backend& backend, const ParameterSet& parameters, const TensorView& lr, const TensorView& scale,
                        const ArenaRange& range) const {
  const auto update_part = [&](const ArenaRange& part, float decay) {
    if (part.empty()) return;
    backend.sgd_update({.w = part.of(parameters.values()),
                        .v = part.of(parameters.momentum()),
                        .g = part.of(parameters.gradients()),
                        .lr = lr,
                        .scale = scale,
                        .momentum = momentum,
                        .weight_decay = decay,
                        .nesterov = nesterov});
  };
  const std::int64_t decayed = parameters.decayed_count();
  update_part(range.within({0, decayed}), weight_decay);
  update_part(range.within({decayed, range.end}), decay_norm_and_bias ? weight_decay : 0.0f);
}

}  // namespace drift
