#include "train/step_collector.h"

#include <algorithm>
#include <numeric>

namespace drift {
namespace {

// H at `step`; behind the last round, the length of the local stretch that ends the run.
Step period_at(const Schedule& schedule, Step step) {
  const SyncPlan& plan = schedule.plan;
  if (step < plan.switch_step()) return 1;
  if (const Round* round = plan.round_of(step)) return round->period();
  return schedule.total_steps - (plan.rounds().empty() ? plan.switch_step() : plan.rounds().back().last);
}

}  // namespace

StepCollector::StepCollector(const Schedule& schedule, int workers, std::int64_t local_batch, Step first,
                             MetricsSink& sink)
    : schedule_(schedule), workers_(workers), local_batch_(local_batch), sink_(sink), first_(first) {}

void StepCollector::add(const StepReport& report) {
  const std::lock_guard lock(mutex_);
  const auto place = static_cast<std::size_t>(report.step - first_);
  while (pending_.size() <= place) {
    if (spare_.empty()) spare_.emplace_back().losses.resize(static_cast<std::size_t>(workers_));
    pending_.push_back(std::move(spare_.back()));
    spare_.pop_back();
  }
  Pending& pending = pending_[place];
  pending.losses[static_cast<std::size_t>(report.worker)] = report.loss;
  pending.sum.correct += report.correct;
  pending.sum.data_seconds += report.data_seconds;
  pending.sum.forward_seconds += report.forward_seconds;
  pending.sum.backward_seconds += report.backward_seconds;
  pending.sum.update_seconds += report.update_seconds;
  pending.sum.comm_seconds += report.comm_seconds;
  pending.sum.bytes += report.bytes;
  ++pending.reports;

  while (!pending_.empty() && pending_.front().reports == workers_) {
    const StepRecord record = record_of(pending_.front());
    spare_.push_back(std::move(pending_.front()));
    spare_.back().reports = 0;
    spare_.back().sum = {};
    pending_.pop_front();
    ++first_;
    sink_.step(record);
  }
}

StepRecord StepCollector::record_of(const Pending& pending) {
  const Step step = first_;
  const auto workers = static_cast<double>(workers_);
  const double total_loss = std::accumulate(pending.losses.begin(), pending.losses.end(), 0.0);
  return {
      .step = step,
      .epoch = static_cast<double>(step + 1) / static_cast<double>(schedule_.steps_per_epoch),
      .samples = (step + 1) * workers_ * local_batch_,
      .round = schedule_.plan.rounds_before(step),
      .period = period_at(schedule_, step),
      .loss = total_loss / workers,
      .top1 = static_cast<double>(pending.sum.correct) / (workers * static_cast<double>(local_batch_)),
      .lr = schedule_.lr.at(step),
      .sync = schedule_.plan.at(step),
      .seconds = since_last_.lap(),
      .data_seconds = pending.sum.data_seconds / workers,
      .forward_seconds = pending.sum.forward_seconds / workers,
      .backward_seconds = pending.sum.backward_seconds / workers,
      .update_seconds = pending.sum.update_seconds / workers,
      .comm_seconds = pending.sum.comm_seconds / workers,
      .bytes = pending.sum.bytes,
  };
}

}  // namespace drift
