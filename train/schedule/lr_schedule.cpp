#include "train/schedule/lr_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "core/check.h"

namespace drift {

LrSchedule::LrSchedule(const LrConfig& config, double peak, Step warmup_steps, Step total_steps,
                       std::vector<Step> decay_steps)
    : config_(config),
      peak_(peak),
      warmup_steps_(warmup_steps),
      total_steps_(total_steps),
      decay_steps_(std::move(decay_steps)) {
  DRIFT_ASSERT(std::is_sorted(decay_steps_.begin(), decay_steps_.end()), "decay steps are not ascending");
}

double LrSchedule::at(Step step) const {
  if (step < warmup_steps_) {
    return std::lerp(config_.warmup_start, peak_, static_cast<double>(step) / static_cast<double>(warmup_steps_));
  }
  switch (config_.shape) {
    case LrShape::kConstant:
      break;
    case LrShape::kSteps: {
      const auto decays = std::upper_bound(decay_steps_.begin(), decay_steps_.end(), step) - decay_steps_.begin();
      return peak_ * std::pow(config_.gamma, static_cast<double>(decays));
    }
    case LrShape::kCosine: {
      if (step >= total_steps_) return config_.min_lr;
      const double done = static_cast<double>(step - warmup_steps_) / static_cast<double>(total_steps_ - warmup_steps_);
      return std::lerp(config_.min_lr, peak_, 0.5 * (1 + std::cos(std::numbers::pi * done)));
    }
  }
  return peak_;
}

}  // namespace drift
