#include "train/step/download_ring.h"

#include <algorithm>
#include <cstring>

#include "core/check.h"

namespace drift {
namespace {

constexpr int kNoByte = 0xff;  // all of them: no result is that

}  // namespace

DownloadRing::DownloadRing(Device device, std::size_t bytes) {
  for (std::int64_t i = 0; i < kCapacity; ++i) arrivals_.emplace_back(device, bytes);
}

void DownloadRing::put(const TensorView& result, Backend& backend) {
  DRIFT_ASSERT(waiting() < kCapacity, "{} results wait to be taken already", waiting());
  Arrival& next = arrival(put_++);
  std::memset(next.result.data(), kNoByte, next.result.bytes());
  backend.download_async(result, next.result);
  next.arrived.record(backend.stream());
}

const void* DownloadRing::take() {
  DRIFT_ASSERT(waiting() > 0, "no result is waiting");
  const Arrival& oldest = arrival(taken_++);
  oldest.arrived.synchronize();
  const auto* const bytes = static_cast<const unsigned char*>(oldest.result.data());
  const bool none = std::all_of(bytes, bytes + oldest.result.bytes(), [](int byte) { return byte == kNoByte; });
  DRIFT_ASSERT(!none, "a result was read before it arrived");
  return bytes;
}

}  // namespace drift
