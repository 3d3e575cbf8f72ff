// See outer.h.
#include "engine/optim/outer.h"

namespace drift {

OuterOptimizer::OuterOptimizer(const ParameterSet& replica, Device device, Backend& backend)
    : size_(replica.values().size()),
      start_(device, replica.values().size_bytes()),
      momentum_(device, replica.values().size_bytes()) {
  backend.fill(as_tensor(start()), 0);
  backend.fill(as_tensor(momentum()), 0);
}

void OuterOptimizer::round_begins(const ParameterSet& replica, const ArenaRange& range, Backend& backend) {
  backend.copy(as_tensor(range.of(replica.values())), as_tensor(range.of(start())));
}

void OuterOptimizer::update(const ParameterSet& replica, const ArenaRange& range, float lr, float momentum,
                            bool nesterov, Backend& backend) {
  backend.outer_update({.w = range.of(replica.values()),
                        .v = range.of(this->momentum()),
                        .start = range.of(start()),
                        .lr = lr,
                        .momentum = momentum,
                        .nesterov = nesterov});
}

}  // namespace drift
