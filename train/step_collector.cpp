#include "train/step_collector.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/check.h"

namespace drift {

StepCollector::StepCollector(const Schedule& schedule, int workers, std::int64_t local_batch, Step first,
                             MetricsSink& sink, Source others)
    : schedule_(schedule),
      workers_(workers),
      local_batch_(local_batch),
      sink_(sink),
      others_(std::move(others)),
      first_(first) {}

void StepCollector::add(const StepReport& report) {
  const std::lock_guard lock(mutex_);
  take(report);
  take_others();
  write_complete();
}

void StepCollector::finish() {
  const std::lock_guard lock(mutex_);
  take_others();
  write_complete();
  DRIFT_ASSERT(pending_.empty(), "{} steps from {} on were not reported by all workers", pending_.size(), first_);
}

void StepCollector::take_others() {
  for (const StepReport& report : others_()) take(report);
}

void StepCollector::take(const StepReport& report) {
  DRIFT_CHECK(kComm, report.step >= first_ && report.step < schedule_.total_steps,
              "worker {} reports step {} where one of {} to {} is expected", report.worker, report.step, first_,
              schedule_.total_steps - 1);
  const auto place = static_cast<std::size_t>(report.step - first_);
  while (pending_.size() <= place) {
    if (spare_.empty()) spare_.emplace_back().losses.resize(static_cast<std::size_t>(workers_));
    pending_.push_back(std::move(spare_.back()));
    spare_.pop_back();
  }
  Pending& pending = pending_[place];
  pending.losses[static_cast<std::size_t>(report.worker)] = report.result.loss;
  pending.correct += report.result.correct;
  pending.bytes += report.bytes;
  pending.from_mean += report.round.from_mean;
  if (!std::isnan(report.round.norm)) {
    pending.moved = report.round.moved;
    pending.norm = report.round.norm;
  }
  pending.times += report.times;
  pending.elapsed_seconds = std::max(pending.elapsed_seconds, report.elapsed_seconds);
  ++pending.reports;
}

void StepCollector::write_complete() {
  while (!pending_.empty() && pending_.front().reports == workers_) {
    const StepRecord record = record_of(pending_.front());
    const RoundRecord round = round_of(record, pending_.front());
    spare_.push_back({.losses = std::move(pending_.front().losses)});
    pending_.pop_front();
    ++first_;
    sink_.step(record);
    if (!std::isnan(round.consensus)) sink_.round(round);
  }
}

// From sum u_k = K (m - m') follows that the mean of |u_k|^2 is |m - m'|^2 and the consensus distance together, and
// that of u_i u_j, over pairs, |m - m'|^2 less a (K-1)th of that distance.
RoundRecord StepCollector::round_of(const StepRecord& step, const Pending& pending) const {
  const double workers = workers_, consensus = pending.from_mean / workers;
  RoundRecord round{.step = step.step,
                    .epoch = step.epoch,
                    .round = step.round,
                    .period = step.period,
                    .loss = step.loss,
                    .consensus = consensus,
                    .relative_consensus = consensus / pending.norm};
  if (!std::isnan(pending.moved)) {
    round.update = std::sqrt(pending.moved);
    const double mean_update = pending.moved + consensus;
    if (mean_update > 0) round.cosine = (pending.moved - consensus / (workers - 1)) / mean_update;
  }
  return round;
}

StepRecord StepCollector::record_of(const Pending& pending) {
  const Step step = first_;
  const auto workers = static_cast<double>(workers_);
  StepTimes mean_times = pending.times;
  mean_times /= workers;
  const double seconds = pending.elapsed_seconds - std::exchange(elapsed_seconds_, pending.elapsed_seconds);
  const auto batch = static_cast<double>(workers_ * local_batch_);
  return {.step = step,
          .epoch = schedule_.epoch_of(step + 1),
          .samples = (step + 1) * workers_ * local_batch_,
          .round = schedule_.plan.rounds_before(step),
          .period = schedule_.period_at(step),
          .loss = std::accumulate(pending.losses.begin(), pending.losses.end(), 0.0) / workers,
          .top1 = static_cast<double>(pending.correct) / (workers * static_cast<double>(local_batch_)),
          .lr = schedule_.lr.at(step),
          .sync = schedule_.plan.at(step),
          .images_per_second = seconds > 0 ? batch / seconds : 0,
          .seconds = seconds,
          .times = mean_times,
          .bytes = pending.bytes};
}

}  // namespace drift
