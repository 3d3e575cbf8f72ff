// StepProfiler: records one worker's steps of the rounds that --profile-every chooses, on a CPU: its operations, the
// parts of its steps and its waits in the communicator. A step ends where the next one begins, so that nothing between
// them is lost, but for writing it down. A profiler belongs to one session and knows what recording costs.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "comm/recording.h"
#include "core/clock.h"
#include "kernels/observed/op_recorder.h"
#include "train/runs/profile_file.h"
#include "train/schedule/schedule.h"

namespace drift {

class StepProfiler {
 public:
  // `recorder` is the outermost backend of the worker; all must outlive the profiler.
  StepProfiler(int worker, OpRecorder& recorder, const Schedule& schedule, std::int64_t every, ProfileFile& file,
               const Clock& clock = steady_clock());

  // The step before, if there was one, ends here.
  void step_begins(Step step);
  // A call of the communicator that belongs to the step under way.
  void add(const CommRecord& call);
  // The last step under way ends; others may begin later.
  void finish();

 private:
  void end_step(double now);
  void write(double end);
  TimeSpan since_begin(double begin, double end) const;
  std::int64_t id_of(std::size_t identity);

  int worker_;
  OpRecorder& recorder_;
  const Schedule& schedule_;
  std::int64_t every_;
  ProfileFile& file_;
  const Clock& clock_;
  double seconds_per_call_;                // that recording adds
  std::array<bool, kSyncs.size()> had_{};  // by Sync: a step of the kind, recorded or not
  std::optional<Step> under_way_;          // recorded or not
  double began_ = 0;                       // then
  std::optional<ProfiledStep> recording_;  // where it is recorded
  std::optional<double> offered_;          // the last offer that nobody waited for yet
  std::vector<std::int64_t> ids_;          // in the file, by identity of the recorder; -1: not known yet
};

}  // namespace drift
