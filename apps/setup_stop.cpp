#include "apps/setup_stop.h"

#include <cstdlib>
#include <fmt/format.h>

#include "apps/signals.h"
#include "core/log.h"
#include "core/stoppable.h"
#include "core/thread_team.h"

namespace drift {
namespace {

constexpr double kLookEverySeconds = 0.05;

}  // namespace

SetupStop::SetupStop()
    : thread_(start_thread("stops during set-up", [this](const std::stop_token& over) {
        while (!stopped_within(over, kLookEverySeconds)) {
          if (stop_requested()) leave();
        }
      })) {}

void SetupStop::joined(const Job& job) {
  if (job.processes == 1) return;
  const std::lock_guard lock(mutex_);
  control_ = job.control;
  process_ = job.process;
}

void SetupStop::is_over() {
  thread_.request_stop();
  thread_.join();
}

void SetupStop::leave() {
  const std::lock_guard lock(mutex_);
  TeamFailure first{
      .kind = ErrorKind::kStopped,
      .process = process_,
      .message = fmt::format("stopped {} before training began: the same command starts again", stop_cause())};
  if (control_) {
    control_->fail(first.kind, first.message);
    first = control_->first_failure();
  }
  if (first.process == process_) report_error(first.message);
  std::_Exit(exit_code(first.kind));
}

}  // namespace drift
