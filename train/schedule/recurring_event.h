// RecurringEvent: which steps an event every so many epochs falls on (evaluations, checkpoints). A pure function of the
// config, so a resumed run has its events where the uninterrupted one has them.
#pragma once

#include <algorithm>
#include <cmath>

#include "core/step.h"

namespace drift {

class RecurringEvent {
 public:
  // every_epochs = 0: only at the end. Events closer than a step apart fall on every step.
  RecurringEvent(double every_epochs, Step steps_per_epoch, Step total_steps)
      : interval_(every_epochs * static_cast<double>(steps_per_epoch)), total_(total_steps) {}

  // The first event with more than `step` steps done; the end of the run is always one.
  Step next(Step step) const {
    if (interval_ <= 0 || interval_ > static_cast<double>(total_)) return total_;
    if (interval_ <= 1) return std::min(step + 1, total_);
    auto count = static_cast<Step>(static_cast<double>(step) / interval_);
    while (event(count) <= step) ++count;
    return std::min(event(count), total_);
  }
  // Whether there is one with exactly `step` steps done.
  bool at(Step step) const { return step > 0 && next(step - 1) == step; }
  // How many there are in the run, the one at its end included.
  std::int64_t count() const {
    if (interval_ <= 0 || interval_ > static_cast<double>(total_)) return 1;
    if (interval_ <= 1) return total_;
    auto count = static_cast<Step>(static_cast<double>(total_) / interval_) + 1;
    while (event(count) >= total_) --count;
    return count + 1;
  }

 private:
  Step event(Step count) const { return std::llround(static_cast<double>(count) * interval_); }

  double interval_;
  Step total_;
};

}  // namespace drift
