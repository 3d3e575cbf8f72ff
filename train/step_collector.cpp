#include "train/step_collector.h"

#include <algorithm>
#include <numeric>

namespace drift {
StepCollector::StepCollector(const Schedule& schedule, const Team& team, std::int64_t local_batch, Step first,
                             MetricsSink& sink)
    : schedule_(schedule), team_(team), local_batch_(local_batch), sink_(sink), first_(first) {}

void StepCollector::add(const StepReport& report) {
  const std::lock_guard lock(mutex_);
  const auto place = static_cast<std::size_t>(report.step - first_);
  while (pending_.size() <= place) {
    if (spare_.empty()) spare_.emplace_back().losses.resize(static_cast<std::size_t>(team_.local_workers()));
    pending_.push_back(std::move(spare_.back()));
    spare_.pop_back();
  }
  Pending& pending = pending_[place];
  pending.losses[static_cast<std::size_t>(report.worker - team_.first_worker())] = report.result.loss;
  pending.correct += report.result.correct;
  pending.bytes += report.bytes;
  pending.times += report.times;
  ++pending.reports;

  while (!pending_.empty() && pending_.front().reports == team_.local_workers()) {
    const StepRecord record = record_of(pending_.front());
    spare_.push_back({.losses = std::move(pending_.front().losses)});
    pending_.pop_front();
    ++first_;
    sink_.step(record);
  }
}

StepRecord StepCollector::record_of(const Pending& pending) {
  const Step step = first_;
  const auto workers = static_cast<double>(team_.local_workers());
  StepTimes mean_times = pending.times;
  mean_times /= workers;
  return {.step = step,
          .epoch = schedule_.epoch_of(step + 1),
          .samples = (step + 1) * team_.workers * local_batch_,
          .round = schedule_.plan.rounds_before(step),
          .period = schedule_.period_at(step),
          .loss = std::accumulate(pending.losses.begin(), pending.losses.end(), 0.0) / workers,
          .top1 = static_cast<double>(pending.correct) / (workers * static_cast<double>(local_batch_)),
          .lr = schedule_.lr.at(step),
          .sync = schedule_.plan.at(step),
          .seconds = since_last_.lap(),
          .times = mean_times,
          .bytes = pending.bytes};
}

}  // namespace drift
