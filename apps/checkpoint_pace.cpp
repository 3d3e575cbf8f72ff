#include "apps/checkpoint_pace.h"

#include <algorithm>
#include <limits>

namespace drift {
namespace {

constexpr Step kNoLimit = std::numeric_limits<Step>::max() / 2;

}  // namespace

CheckpointPace::CheckpointPace(double minutes, const Clock& clock)
    : clock_(clock),
      limit_(minutes > 0 ? 60 * minutes : std::numeric_limits<double>::infinity()),
      last_(clock.seconds()),
      looked_(last_) {}

Step CheckpointPace::steps() {
  looked_ = clock_.seconds();
  if (limit_ == std::numeric_limits<double>::infinity()) return kNoLimit;
  const Step most = std::min(2 * stretch_, kNoLimit);
  const double fit = seconds_per_step_ > 0 ? seconds_left() / seconds_per_step_ : static_cast<double>(most);
  return fit < static_cast<double>(most) ? std::max<Step>(static_cast<Step>(fit), 1) : std::max<Step>(most, 1);
}

void CheckpointPace::ran(Step steps) {
  if (steps <= 0) return;
  stretch_ = steps;
  seconds_per_step_ = (clock_.seconds() - looked_) / static_cast<double>(steps);
}

bool CheckpointPace::is_due() const {
  return seconds_left() <= 0;
}

}  // namespace drift
