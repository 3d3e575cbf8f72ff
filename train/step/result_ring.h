// ResultRing: results of steps on their way from the device to the host, in order. On a GPU a step is enqueued long
// before its loss is known, and nobody should wait for it: a result is taken a few steps later.
#pragma once

#include <cstdint>
#include <deque>

#include "kernels/backend.h"
#include "train/step/batch_loss.h"

namespace drift {

class ResultRing {
 public:
  explicit ResultRing(Device device);

  // At most this many results may wait; putting one more is an error.
  static constexpr std::int64_t kCapacity = 5;

  // Enqueues the copy of a loss op's result, float32 [3].
  void put(const TensorView& result, Backend& backend);
  // The oldest one; waits for it.
  BatchResult take();
  std::int64_t waiting() const { return put_ - taken_; }

 private:
  struct Arrival {
    explicit Arrival(Device device) : floats(device, 3 * sizeof(float)), arrived(device) {}
    HostMemory floats;
    Event arrived;
  };
  Arrival& arrival(std::int64_t number) { return arrivals_[static_cast<std::size_t>(number % kCapacity)]; }

  std::deque<Arrival> arrivals_;
  std::int64_t put_ = 0, taken_ = 0;
};

}  // namespace drift
