// See outer.h.
#include "engine/optim/outer.h"

namespace drift {

void OuterOptimizer::update(const ParameterSet& replica, const ArenaRange& range, std::span<float> start, float lr,
                            float momentum, bool nesterov, Backend& backend) {
  backend.outer_update({.w = range.of(replica.values()),
                        .v = range.of(this->momentum()),
                        .start = range.of(start),
                        .lr = lr,
                        .momentum = momentum,
                        .nesterov = nesterov});
}

}  // namespace drift
