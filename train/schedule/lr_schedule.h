// LrSchedule: the learning rate of every step, a pure function of it: a linear warm-up, then constant, multiplied by
// gamma at each decay, or half a cosine.
#pragma once

#include <vector>

#include "core/step.h"
#include "train/config/learning_rate.h"

namespace drift {

class LrSchedule {
 public:
  // peak: the learning rate after the warm-up, linear scaling included.
  // warmup_steps: from config.warmup_start at step 0 to the peak at this step.
  // decay_steps: the first step of each further factor gamma, ascending, none inside the warm-up.
  // total_steps: where the cosine reaches config.min_lr.
  LrSchedule(const LrConfig& config, double peak, Step warmup_steps, Step total_steps, std::vector<Step> decay_steps);
  double at(Step step) const;
  LrShape shape() const { return config_.shape; }
  Step warmup_steps() const { return warmup_steps_; }
  const std::vector<Step>& decay_steps() const { return decay_steps_; }

 private:
  LrConfig config_;
  double peak_;
  Step warmup_steps_, total_steps_;
  std::vector<Step> decay_steps_;
};

}  // namespace drift
