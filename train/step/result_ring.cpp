#include "train/step/result_ring.h"

#include "core/check.h"

namespace drift {

ResultRing::ResultRing(Device device) {
  for (std::int64_t i = 0; i < kCapacity; ++i) arrivals_.emplace_back(device);
}

void ResultRing::put(const TensorView& result, Backend& backend) {
  DRIFT_ASSERT(waiting() < kCapacity, "{} results wait to be taken already", waiting());
  Arrival& next = arrival(put_++);
  backend.download_async(result, next.floats);
  next.arrived.record(backend.stream());
}

BatchResult ResultRing::take() {
  DRIFT_ASSERT(waiting() > 0, "no result is waiting");
  const Arrival& oldest = arrival(taken_++);
  oldest.arrived.synchronize();
  return result_of(static_cast<const float*>(oldest.floats.data()));
}

}  // namespace drift
