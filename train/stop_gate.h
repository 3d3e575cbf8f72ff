// StopGate: how K workers that run ahead of each other leave at the same step. A request to stop is seen first by some
// worker that is about to enter a step; the run then ends with the furthest step that any worker has entered, which all
// finish, and with it every communication up to there. An error in one worker closes the gate for all at once.
#pragma once

#include <atomic>
#include <exception>
#include <mutex>

#include "core/step.h"

namespace drift {

class StopGate {
 public:
  // For steps [first, last); `stop` asks for an earlier end.
  StopGate(Step first, Step last, const std::atomic<bool>& stop) : stop_(stop), end_(last), entered_(first) {}

  // Whether the calling worker runs `step`.
  bool enter(Step step);
  // Keeps the error that rethrow() will throw: the first one, unless it is a failed communication and a cause turns up
  // later.
  void fail(std::exception_ptr error) noexcept;
  void rethrow() const;
  // Steps done once all workers left without an error.
  Step end() const { return end_; }

 private:
  const std::atomic<bool>& stop_;
  mutable std::mutex mutex_;
  Step end_;
  Step entered_;  // the step behind the furthest that was entered
  bool stopping_ = false;
  std::exception_ptr error_;
};

}  // namespace drift
