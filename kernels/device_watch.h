// DeviceWatch: how a process waits for its GPUs. It looks again and again and sleeps in between, so that no wait is
// endless: a kernel that never ends, or a GPU that hangs, becomes an error of the run. After that nothing of the GPU is
// touched any more: releasing what a kernel may still use would wait for it, too.
#pragma once

#include <atomic>
#include <functional>
#include <utility>

#include "core/clock.h"
#include "kernels/device.h"

namespace drift {

// A device has not gone on for the time it was given.
class DeviceTimeout : public Error {
 public:
  explicit DeviceTimeout(std::string message, std::source_location where = std::source_location::current())
      : Error(ErrorKind::kDevice, std::move(message), {}, where) {}
};

class DeviceWatch {
 public:
  using Sleep = std::function<void(double seconds)>;

  explicit DeviceWatch(const Clock& clock, Sleep sleep) : clock_(clock), sleep_(std::move(sleep)) {}

  // Seconds without progress that end a wait. A wait's end is progress for all who wait.
  void set_timeout(double seconds) { timeout_seconds_ = seconds; }
  // Returns when `done` does so with true; what it throws ends the wait. Throws DeviceTimeout.
  void wait(Device device, const std::function<bool()>& done);
  // Whether a wait ended by DeviceTimeout: nothing may be released, and the process must leave without looking back.
  bool gave_up() const { return gave_up_; }

 private:
  [[noreturn]] void give_up(Device device);

  const Clock& clock_;
  Sleep sleep_;
  std::atomic<double> timeout_seconds_{120}, last_progress_{0};
  std::atomic<bool> gave_up_{false};
};

// The one of this process.
DeviceWatch& device_watch();

}  // namespace drift
