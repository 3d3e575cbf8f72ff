// StepReporter: what one worker tells of its steps. It brings their results home and refuses a loss that is not finite,
// and a replica that is not finite at the end of a round. Each step's report goes on once its result is known: on a CPU
// at once, before others average what a bad loss stands for; on a GPU a few steps later.
#pragma once

#include <deque>

#include "comm/recording.h"
#include "core/stopwatch.h"
#include "kernels/device_watch.h"
#include "train/schedule/schedule.h"
#include "train/step/worker.h"
#include "train/step_profiler.h"
#include "train/step_report.h"

namespace drift {

class StepReporter {
 public:
  // For the steps of `worker` from `first` on.
  // profiler: of this worker, where its steps are recorded, or nullptr.
  StepReporter(Worker& worker, const Schedule& schedule, ReportSink& sink, Step first, StepProfiler* profiler)
      : worker_(worker),
        schedule_(schedule),
        sink_(sink),
        profiler_(profiler),
        next_step_(first),
        next_result_(first) {}

  // The worker begins with its next step.
  void step_begins();
  // A call of the communicator that belongs to the step under way.
  void add(const CommRecord& call);
  // Takes the results that are due. Throws kDiverged, naming step and worker.
  void take_results() { take_results(worker_.results_due()); }
  // The worker is done with its next step.
  void step_done();
  // Checks that the replica is finite as it is now; what is found is thrown (kDiverged) at the latest with the next
  // call of this or of finish().
  void check_replica();
  // The same error, naming the worker, the first step whose result is not known, and what was enqueued last.
  DeviceTimeout located(const DeviceTimeout& error) const;
  // The worker leaves: waits for the results still under way and checks its replica.
  void finish();

 private:
  void take_results(std::int64_t count);
  void report_known_steps();
  void take_finite_check();

  Worker& worker_;
  const Schedule& schedule_;
  ReportSink& sink_;
  StepProfiler* profiler_;
  Stopwatch began_;
  Step next_step_, next_result_;
  Step checked_ = 0;  // steps done when the replica was last checked
  StepReport under_way_;
  std::deque<StepReport> done_;      // whose results are not known yet
  std::deque<Step> rounds_;          // of these the last steps of rounds that were measured
  std::deque<BatchResult> results_;  // known, of done_ from its front on and of the step under way
};

}  // namespace drift
