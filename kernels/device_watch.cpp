#include "kernels/device_watch.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <thread>

namespace drift {
namespace {

// A wait is noticed to be over after an eighth of its length at most, or the shortest sleep of the system.
constexpr double kShareOfWait = 0.125, kShortest = 10e-6, kLongest = 1e-3;

}  // namespace

void DeviceWatch::wait(Device device, const std::function<bool()>& done) {
  if (gave_up_) give_up(device);
  double began = clock_.seconds();
  for (double look = began; !done(); look = clock_.seconds()) {
    const double now = clock_.seconds();
    began += now - look;  // looking takes no time, but on an emulator, which works meanwhile
    const bool over = now - std::max(began, last_progress_.load()) > timeout_seconds_;
    if (over || gave_up_) give_up(device);
    sleep_(std::clamp((now - began) * kShareOfWait, kShortest, kLongest));
  }
  last_progress_ = clock_.seconds();
}

void DeviceWatch::give_up(Device device) {
  gave_up_ = true;
  throw DeviceTimeout(
      fmt::format("{} has not gone on for {:g} s: a kernel does not end, or the GPU hangs (nvidia-smi and the kernel's "
                  "log say more). Where so long a wait is right, give more by --device-timeout",
                  to_string(device), timeout_seconds_.load()));
}

DeviceWatch& device_watch() {
  static DeviceWatch watch(steady_clock(),
                           [](double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); });
  return watch;
}

}  // namespace drift
