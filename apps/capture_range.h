// CaptureRange: which steps of a run a GPU's profiler records. It begins and ends between two steps, while no worker
// runs and all that was enqueued is done.
#pragma once

#include <limits>
#include <optional>

#include "kernels/device.h"
#include "train/config/machine.h"

namespace drift {

class CaptureRange {
 public:
  CaptureRange(std::optional<StepRange> range, Device device) : range_(range), device_(device) {}
  ~CaptureRange() { end(); }
  CaptureRange(const CaptureRange&) = delete;
  CaptureRange& operator=(const CaptureRange&) = delete;

  // The first step behind `step` at which a run must halt.
  Step next(Step step) const {
    if (!range_ || step >= range_->last) return std::numeric_limits<Step>::max();
    return step < range_->first ? range_->first : range_->last;
  }
  void before(Step step) {
    if (records_ || !range_ || step < range_->first || step >= range_->last) return;
    begin_profile(device_);
    records_ = true;
  }
  // `done` steps: `done` would be the next.
  void after(Step done) {
    if (range_ && done >= range_->last) end();
  }

 private:
  void end() noexcept {
    if (records_) end_profile(device_);
    records_ = false;
  }

  std::optional<StepRange> range_;
  Device device_;
  bool records_ = false;
};

}  // namespace drift
