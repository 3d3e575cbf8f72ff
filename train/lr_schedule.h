// LrSchedule: the learning rate of every step, and with it the plan of rounds (they depend on each other: decays land on round
// ends, QSR reads the learning rate). Both are pure functions of the config: built once, nothing to save.
#pragma once

#include "train/config.h"
#include "train/sync_plan.h"

namespace drift {

class LrSchedule {
 public:
  // decay_steps: first step at which each further factor gamma applies, ascending.
  LrSchedule(const LrConfig& config, double peak, Step warmup_steps, Step total_steps, std::vector<Step> decay_steps);
  double at(Step step) const;
  const std::vector<Step>& decay_steps() const { return decay_steps_; }

 private:
  LrConfig config_;
  double peak_;
  Step warmup_steps_, total_steps_;
  std::vector<Step> decay_steps_;
};

struct Schedule {
  Step total_steps = 0;
  Step steps_per_epoch = 0;
  SyncPlan plan;
  LrSchedule lr;
};

// Walks the run forward once. Throws kConfig for what contradicts itself: --period with sgd, no switch with post-local, a period
// below 1, decays that are not ascending, warm-up longer than the run.
Schedule make_schedule(const TrainConfig& config, std::int64_t steps_per_epoch);

}  // namespace drift
