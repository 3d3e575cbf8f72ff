#include "train/runs/averaging_watch.h"

#include <algorithm>
#include <fmt/format.h>
#include <numeric>
#include <utility>

namespace drift {
namespace {

double mean_of_last(const std::vector<double>& losses, std::size_t count) {
  const auto begin = losses.end() - static_cast<std::ptrdiff_t>(count);
  return std::accumulate(begin, losses.end(), 0.0) / static_cast<double>(count);
}

}  // namespace

AveragingWatch::~AveragingWatch() {
  if (times_ > 1) warn_(fmt::format("averaging parameters raised the loss so far {} times", times_));
}

void AveragingWatch::step(const StepRecord& record) {
  if (record.sync == Sync::kGradients) {
    before_.clear();
    after_.clear();
    return;
  }
  after_.push_back(record.loss);
  const std::size_t compared = std::min(before_.size(), kSteps);
  if (compared > 0 && after_.size() == compared) compare(record.step, period_);
  if (record.sync != Sync::kParameters) return;
  before_ = std::move(after_);
  after_.clear();
  period_ = record.period;
}

// The steps up to this one are as many as are compared.
void AveragingWatch::compare(Step step, Step period) {
  const std::size_t count = after_.size();
  const double before = mean_of_last(before_, count), after = mean_of_last(after_, count);
  if (!(after > kMuchWorse * before)) return;
  if (++times_ > 1) return;
  warn_(
      fmt::format("the average of parameters after step {} raised the loss from {:.4g} to {:.4g}: workers go too far "
                  "apart in {} steps. Lower --period or --lr",
                  step - static_cast<Step>(count), before, after, period));
}

}  // namespace drift
