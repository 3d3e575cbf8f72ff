// StepProfiler: records one worker's steps of the rounds that --profile-every chooses: its operations, the parts of its
// steps and its waits in the communicator. A step ends where the next one begins, so that nothing between them is lost,
// but for writing it down. A profiler belongs to one session and knows what recording costs.
//
// On a GPU all times are the device's: a wait is the part of the step that averages, from when the worker's stream has
// come to it. The marks themselves take time there, a few microseconds each; it is measured, and taken out again.
#pragma once

#include <array>
#include <deque>
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
  // A recorded step whose times are under way; those of its waits are since the clock began.
  struct Pending {
    ProfiledStep step;
    OpRecorder::Recording recording;
  };

  void end_step(double now);
  void watch_kernels(bool on);
  void write_kernels();
  void write_oldest();
  void gather_counts(Pending& recorded);
  static void wait_on_device(Pending& recorded, std::span<const Nanoseconds> times);
  std::int64_t id_of(std::size_t identity);

  int worker_;
  OpRecorder& recorder_;
  const Schedule& schedule_;
  std::int64_t every_;
  ProfileFile& file_;
  const Clock& clock_;
  bool on_device_;                         // where work is only enqueued
  double seconds_per_call_;                // that recording adds on the host
  std::array<bool, kSyncs.size()> had_{};  // by Sync: a step of the kind, recorded or not
  std::optional<Step> under_way_;          // recorded or not
  double began_ = 0;                       // then
  std::optional<ProfiledStep> recording_;  // where it is recorded
  std::deque<Pending> pending_;            // recorded, and not written
  std::optional<double> offered_;          // the last offer that nobody waited for yet
  ProfiledWait begun_;                     // what averages carry that nobody waited for yet
  bool watches_kernels_ = false;
  std::vector<std::int64_t> ids_;  // in the file, by identity of the recorder; -1: not known yet
};

}  // namespace drift
