// The outline of a schedule, for people: its phases, and the learning rate where it changes.
#pragma once

#include <string_view>
#include <vector>

#include "train/schedule/schedule.h"

namespace drift {

// Steps [first, last), in which gradients or parameters are averaged.
struct Phase {
  Sync sync = Sync::kGradients;
  Step first = 0, last = 0;
  std::int64_t averages = 0;
  bool operator==(const Phase&) const = default;
};
std::vector<Phase> phases_of(const Schedule& schedule);

// The learning rate of a step, and what happens there.
struct RateAt {
  Step step = 0;
  double rate = 0;
  std::string_view event;
};
// Both ends of the warm-up, each decay; of a cosine its quarters; and the run's last step where it has another rate
// than the one before.
std::vector<RateAt> rates_of(const Schedule& schedule);

}  // namespace drift
