// DownloadRing: a few bytes of each step on their way from the device to the host, in order. On a GPU a step is
// enqueued long before its results are known, and nobody should wait for them: they are taken a few steps later.
#pragma once

#include <cstdint>
#include <deque>

#include "kernels/backend.h"

namespace drift {

class DownloadRing {
 public:
  // bytes: of each.
  DownloadRing(Device device, std::size_t bytes);

  // At most this many may wait; putting one more is an error.
  static constexpr std::int64_t kCapacity = 5;

  // Enqueues the copy. Not all bits of a result are 1.
  void put(const TensorView& result, Backend& backend);
  // The oldest one; waits for it. Valid until the next call of put().
  const void* take();
  std::int64_t waiting() const { return put_ - taken_; }

 private:
  struct Arrival {
    Arrival(Device device, std::size_t bytes) : result(device, bytes), arrived(device) {}
    HostMemory result;
    Event arrived;
  };
  Arrival& arrival(std::int64_t number) { return arrivals_[static_cast<std::size_t>(number % kCapacity)]; }

  std::deque<Arrival> arrivals_;
  std::int64_t put_ = 0, taken_ = 0;
};

}  // namespace drift
