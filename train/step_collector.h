// StepCollector: K workers report their steps as they finish them, one sink receives each step once, in order, when the
// last worker has reported it. The mean loss is summed in the order of workers, so a record's numbers do not depend on
// who was first.
#pragma once

#include <deque>
#include <mutex>
#include <vector>

#include "comm/team.h"
#include "core/stopwatch.h"
#include "train/runs/records.h"
#include "train/schedule/schedule.h"
#include "train/step/batch_loss.h"

namespace drift {

// What one worker says of one step.
struct StepReport {
  Step step = 0;
  int worker = 0;
  BatchResult result;
  StepTimes times = {};
  std::int64_t bytes = 0;  // sent
};

class StepCollector {
 public:
  // Of the team's workers in this process. The first record is that of step `first`.
  StepCollector(const Schedule& schedule, const Team& team, std::int64_t local_batch, Step first, MetricsSink& sink);

  // From any thread; throws what the sink throws.
  void add(const StepReport& report);

 private:
  struct Pending {
    int reports = 0;
    std::vector<double> losses;  // by place
    std::int64_t correct = 0, bytes = 0;
    StepTimes times = {};  // of all
  };
  StepRecord record_of(const Pending& pending);

  const Schedule& schedule_;
  Team team_;
  std::int64_t local_batch_;
  MetricsSink& sink_;
  std::mutex mutex_;
  Step first_;  // the step of pending_.front()
  std::deque<Pending> pending_;
  std::vector<Pending> spare_;
  Stopwatch since_last_;
};

}  // namespace drift
