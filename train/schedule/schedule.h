// Schedule: what a run does at each step, all of it pure functions of the config: the plan of rounds and the learning
// rate. The two depend on each other (decays land on round ends, QSR reads the learning rate), so they are made
// together, once.
#pragma once

#include "train/config/config.h"
#include "train/schedule/lr_schedule.h"
#include "train/schedule/sync_plan.h"

namespace drift {

struct Schedule {
  Step total_steps = 0;
  Step steps_per_epoch = 0;
  SyncPlan plan;
  LrSchedule lr;

  double epoch_of(Step steps_done) const {
    return static_cast<double>(steps_done) / static_cast<double>(steps_per_epoch);
  }
  // H at `step`: 1 where gradients are averaged; behind the last round, the length of the local stretch that ends the
  // run.
  Step period_at(Step step) const;
  // In a round: its learning rate over that of the round before, both at their starts. 1 in the first round, 0 where
  // the rate before was 0.
  double rate_change(Step step) const;
};

// Throws kConfig for what contradicts itself (check() of SyncConfig and LrConfig) or does not fit the run: a warm-up
// longer than the run, a decay inside the warm-up, decays between which no round is short enough.
Schedule make_schedule(const TrainConfig& config, std::int64_t steps_per_epoch);

}  // namespace drift
