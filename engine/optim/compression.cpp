// See compression.h.
#include "engine/optim/compression.h"

namespace drift {

Compression::Compression(const ParameterSet& replica, bool feedback, Backend& backend) {
  if (feedback) error_.emplace(replica, backend);
}

void Compression::gradients(const ParameterSet& replica, const ArenaRange& range, Backend& backend) {
  if (error_) backend.compress({.x = range.of(replica.gradients()), .start = {}, .error = error(range)});
}

void Compression::parameters(const ParameterSet& replica, const ArenaRange& range, std::span<float> start,
                             Backend& backend) {
  backend.compress({.x = range.of(replica.values()), .start = range.of(start), .error = error(range)});
}

void Compression::add_start(const ParameterSet& replica, const ArenaRange& range, std::span<float> start,
                            Backend& backend) {
  const TensorView values = as_tensor(range.of(replica.values()));
  backend.add(as_tensor(range.of(start)), values, values);
}

void Compression::forget(Backend& backend) {
  if (error_) backend.fill(as_tensor(error_->floats()), 0);
}

}  // namespace drift
