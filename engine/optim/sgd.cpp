// See sgd.h.
#include "engine/optim/sgd.h"

namespace drift {

void Sgd::update(Backend& backend, const ParameterSet& parameters, const TensorView& lr) const {
  const auto update_range = [&](std::size_t begin, std::size_t end, float decay) {
    if (begin == end) return;
    backend.sgd_update({.w = parameters.values().subspan(begin, end - begin),
                        .v = parameters.momentum().subspan(begin, end - begin),
                        .g = parameters.gradients().subspan(begin, end - begin),
                        .lr = lr,
                        .momentum = momentum,
                        .weight_decay = decay,
                        .nesterov = nesterov});
  };
  const auto decayed = static_cast<std::size_t>(parameters.decayed_count());
  update_range(0, decayed, weight_decay);
  update_range(decayed, parameters.values().size(), decay_norm_and_bias ? weight_decay : 0.0f);
}

}  // namespace drift
