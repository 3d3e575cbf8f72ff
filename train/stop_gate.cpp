#include "train/stop_gate.h"

#include <algorithm>
#include <utility>

#include "core/check.h"

namespace drift {
namespace {

bool is_communication_error(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& e) {
    return e.kind() == ErrorKind::kComm;
  } catch (...) {
    return false;
  }
}

}  // namespace

bool StopGate::enter(Step step) {
  const std::lock_guard lock(mutex_);
  if (error_) return false;
  if (!stopping_ && stop_.load(std::memory_order_relaxed)) {
    stopping_ = true;
    end_ = std::min(end_, entered_);
  }
  if (step >= end_) return false;
  entered_ = std::max(entered_, step + 1);
  return true;
}

void StopGate::fail(std::exception_ptr error) noexcept {
  const std::lock_guard lock(mutex_);
  if (!error_ || (is_communication_error(error_) && !is_communication_error(error))) error_ = std::move(error);
}

void StopGate::rethrow() const {
  const std::lock_guard lock(mutex_);
  if (error_) std::rethrow_exception(error_);
}

}  // namespace drift
