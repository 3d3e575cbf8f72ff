#include "train/stop_gate.h"

#include <algorithm>
#include <utility>

#include "core/check.h"

namespace drift {
namespace {

bool is_communication_error(const std::exception_ptr& error) {
  return caught_error(error).kind() == ErrorKind::kComm;
}

}  // namespace

void StopGate::ask_team(std::unique_lock<std::mutex>& lock) {
  if (has_asked_ || !stop_->load(std::memory_order_relaxed)) return;
  has_asked_ = true;
  lock.unlock();
  control_.request_stop();
  lock.lock();
}

void StopGate::open(Step first, Step last, const std::atomic<bool>& stop) {
  std::unique_lock lock(mutex_);
  stop_ = &stop;
  last_ = last;
  entered_ = first;
  ask_team(lock);  // before any worker can enter
}

bool StopGate::enter(Step step) {
  std::unique_lock lock(mutex_);
  ask_team(lock);
  changed_.wait(lock, [&] { return !held_ || error_; });
  if (error_ || step >= std::min(last_, leave_at_)) return false;
  entered_ = std::max(entered_, step + 1);
  return true;
}

Step StopGate::hold() {
  const std::lock_guard lock(mutex_);
  held_ = true;
  return entered_;
}

void StopGate::leave_at(Step step) {
  const std::lock_guard lock(mutex_);
  held_ = false;
  leave_at_ = step;
  changed_.notify_all();
}

Step StopGate::end() const {
  const std::lock_guard lock(mutex_);
  return std::min(last_, leave_at_);
}

bool StopGate::leaves() const {
  const std::lock_guard lock(mutex_);
  return leave_at_ <= last_;
}

void StopGate::fail(std::exception_ptr error) noexcept {
  const std::lock_guard lock(mutex_);
  if (!error_ || (is_communication_error(error_) && !is_communication_error(error))) error_ = std::move(error);
  changed_.notify_all();
}

void StopGate::rethrow() const {
  const std::lock_guard lock(mutex_);
  if (error_) std::rethrow_exception(error_);
}

}  // namespace drift
