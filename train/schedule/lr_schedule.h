// LrSchedule: the learning rate of every step, and with it the plan of rounds (they depend on each other: decays land
// on round ends, QSR reads the learning rate). Both are pure functions of the config: built once, nothing to save.
#pragma once

#include "train/config/config.h"
#include "train/schedule/sync_plan.h"

namespace drift {

class LrSchedule {
 public:
  // peak: the learning rate after the warm-up, linear scaling included. The warm-up is linear from config.warmup_start
  // at step 0 to the peak at step warmup_steps. decay_steps: first step at which each further factor gamma applies,
  // ascending, none inside the warm-up. The cosine reaches config.min_lr at total_steps.
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

// Walks the run forward once. A decay planned for epoch e lands at step floor(e steps_per_epoch) while gradients are
// averaged, and always with DecayOn::kEpoch; else at the end of the last round that ends by then, and the next decay is
// as many steps after it as planned between the two (the paper's CIFAR code: r1 = floor(e1 spe / H1) rounds, then
// floor((e2 - e1) spe / H2)). H is chosen at a round's start: the i-th of config.sync.periods after i decays, or QSR's
// (Gu et al. 2024), which leaves it as given during the warm-up.
// Throws kConfig for what contradicts itself: --period with sgd, no switch with post-local, a period below 1, decays
// that are not ascending or for which no round is short enough, warm-up longer than the run.
Schedule make_schedule(const TrainConfig& config, std::int64_t steps_per_epoch);

}  // namespace drift
