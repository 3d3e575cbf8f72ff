// See sgd.h.
#include "engine/optim/sgd.h"

#include <algorithm>

#include "core/check.h"

namespace drift {

void Sgd::update(Backend& backend, const ParameterSet& parameters, const TensorView& lr,
                 const TensorView& clip_scale) const {
  const bool clips = clip_grad_norm > 0;
  if (clips) {
    DRIFT_ASSERT(clip_scale, "gradients are clipped with no memory for what they are scaled by");
    backend.clip_scale({.values = parameters.gradients(), .result = clip_scale, .max_norm = clip_grad_norm});
  }
  scaled_update(backend, parameters, lr, clips ? clip_scale : TensorView{}, 0, std::ssize(parameters.values()));
}

void Sgd::update_range(Backend& backend, const ParameterSet& parameters, const TensorView& lr, std::int64_t begin,
                       std::int64_t end) const {
  DRIFT_ASSERT(clip_grad_norm == 0, "the norm of a part of the gradients is not that of all");
  scaled_update(backend, parameters, lr, {}, begin, end);
}

void Sgd::scaled_update(Backend& backend, const ParameterSet& parameters, const TensorView& lr, const TensorView& scale,
                        std::int64_t begin, std::int64_t end) const {
  const auto update_part = [&](std::int64_t first, std::int64_t last, float decay) {
    if (first >= last) return;
    const auto part = [&](std::span<float> arena) {
      return arena.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first));
    };
    backend.sgd_update({.w = part(parameters.values()),
                        .v = part(parameters.momentum()),
                        .g = part(parameters.gradients()),
                        .lr = lr,
                        .scale = scale,
                        .momentum = momentum,
                        .weight_decay = decay,
                        .nesterov = nesterov});
  };
  const std::int64_t decayed = parameters.decayed_count();
  update_part(begin, std::min(end, decayed), weight_decay);
  update_part(std::max(begin, decayed), end, decay_norm_and_bias ? weight_decay : 0.0f);
}

}  // namespace drift
