// StepCollector: K workers report their steps as they finish them, one sink receives each step once, in order, when the
// last worker has reported it. The mean loss is summed in the order of workers, so a record's numbers do not depend on
// who was first. Reports of other processes come when a worker of this one adds its own, and with finish(): then
// whoever brought them never waits for the sink.
#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <vector>

#include "train/runs/records.h"
#include "train/schedule/schedule.h"
#include "train/step_report.h"

namespace drift {

class StepCollector final : public ReportSink {
 public:
  using Source = std::function<std::vector<StepReport>()>;

  // The first record is that of step `first`. others: the reports of other processes that have come since it was asked.
  StepCollector(const Schedule& schedule, int workers, std::int64_t local_batch, Step first, MetricsSink& sink,
                Source others);

  // Throws what the sink throws, and kComm for a report that cannot be.
  void add(const StepReport& report) override;
  // After the last one.
  void finish();

 private:
  struct Pending {
    int reports = 0;
    std::vector<double> losses;  // by worker
    std::int64_t correct = 0, bytes = 0;
    double from_mean = 0;                                 // of all, squared; NaN: not measured
    double moved = kNoRound.moved, norm = kNoRound.norm;  // of the worker that knows
    StepTimes times = {};                                 // of all
    double elapsed_seconds = 0;                           // of the slowest
  };
  // All with the lock held.
  void take(const StepReport& report);
  void take_others();
  void write_complete();
  StepRecord record_of(const Pending& pending);
  RoundRecord round_of(const StepRecord& step, const Pending& pending) const;

  const Schedule& schedule_;
  int workers_;
  std::int64_t local_batch_;
  MetricsSink& sink_;
  Source others_;
  std::mutex mutex_;
  Step first_;  // the step of pending_.front()
  std::deque<Pending> pending_;
  std::vector<Pending> spare_;
  double elapsed_seconds_ = 0;  // at the latest record
};

}  // namespace drift
