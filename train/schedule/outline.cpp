#include "train/schedule/outline.h"

#include <algorithm>
#include <array>

namespace drift {

std::vector<Phase> phases_of(const Schedule& schedule) {
  const SyncPlan& plan = schedule.plan;
  const Step switched = std::min(plan.switch_step(), schedule.total_steps);
  std::vector<Phase> phases;
  if (switched > 0) phases.push_back({Sync::kGradients, 0, switched, switched});
  if (switched < schedule.total_steps) {
    phases.push_back({Sync::kParameters, switched, schedule.total_steps, plan.rounds()});
  }
  return phases;
}

std::vector<RateAt> rates_of(const Schedule& schedule) {
  const LrSchedule& lr = schedule.lr;
  const Step total = schedule.total_steps, warmup = lr.warmup_steps();
  std::vector<RateAt> rates;
  const auto add = [&](Step step, std::string_view event) {
    if (step < total) rates.push_back({step, lr.at(step), event});
  };
  add(0, warmup > 0 ? "the warm-up begins" : "the run begins");
  if (warmup > 0) add(warmup, "the warm-up is over");
  for (const Step step : lr.decay_steps()) add(step, "a decay");
  if (lr.shape() == LrShape::kCosine) {
    constexpr std::array<std::string_view, 3> kQuarters = {"a quarter of the cosine", "half of the cosine",
                                                           "three quarters of the cosine"};
    for (std::size_t i = 0; i < kQuarters.size(); ++i) {
      add(warmup + (total - warmup) * (static_cast<Step>(i) + 1) / 4, kQuarters[i]);
    }
  }
  if (lr.at(total - 1) != rates.back().rate) add(total - 1, "the last step");
  return rates;
}

}  // namespace drift
