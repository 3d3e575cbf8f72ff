// StopGate: how the workers of a team, that run ahead of each other, leave at the same step. A request to stop is seen
// first by some worker that is about to enter a step; it asks the team, and goes on. Control then lets every process
// hold its workers back, and all leave behind the furthest step that any worker of the team has entered, which all
// finish, and with it every communication up to there. An error in one worker closes the gate for all at once.
#pragma once

#include <atomic>
#include <condition_variable>
#include <exception>
#include <limits>
#include <mutex>

#include "comm/control.h"
#include "core/step.h"

namespace drift {

class StopGate {
 public:
  // control: what a request to stop goes to.
  explicit StopGate(Control& control) : control_(control) {}

  // For steps [first, last); `stop` asks for an earlier end, and must live until all workers have left.
  void open(Step first, Step last, const std::atomic<bool>& stop);
  // Whether the calling worker runs `step`. Waits while workers are held.
  bool enter(Step step);

  // From now on no worker enters a further step. Returns the step behind the furthest that one has entered.
  Step hold();
  // All go on, and leave before `step`, now and whenever the gate is opened again.
  void leave_at(Step step);

  // Keeps the error that rethrow() will throw: the first one, unless it is a failed communication and a cause turns up
  // later.
  void fail(std::exception_ptr error) noexcept;
  void rethrow() const;
  // Steps done once all workers left without an error.
  Step end() const;
  // Whether that is where the team was asked to leave.
  bool leaves() const;

 private:
  // Once, if a stop is requested; without the lock, because the answer may come from within.
  void ask_team(std::unique_lock<std::mutex>& lock);

  Control& control_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  const std::atomic<bool>* stop_ = nullptr;
  bool has_asked_ = false, held_ = false;
  Step last_ = 0;
  Step leave_at_ = std::numeric_limits<Step>::max();
  Step entered_ = 0;  // the step behind the furthest that was entered
  std::exception_ptr error_;
};

}  // namespace drift
