#include "tests/emulator/cudart/virtual_time.h"

#include <algorithm>

#include "tests/emulator/cudart/device_table.h"
#include "tests/emulator/cudart/settings.h"

namespace drift::emulator {
namespace {

Nanoseconds time_of(std::uint64_t bytes, double bytes_per_second) {
  return static_cast<Nanoseconds>(static_cast<double>(bytes) / bytes_per_second * 1e9);
}

}  // namespace

HostTime& host_time() {
  thread_local HostTime time;
  return time;
}

void HostTime::queue(Nanoseconds cost) {
  spend(cost);
  patience_ = 0;
}

void HostTime::reach(Nanoseconds time) {
  now_ = std::max(now_, time);
}

bool HostTime::poll(Nanoseconds time) {
  if (now_ >= time) return true;
  patience_ = patience_ == 0 ? kCall : 2 * patience_;
  now_ = std::min(now_ + patience_, time);
  return false;
}

Nanoseconds cost_to_queue(const Work& work) {
  switch (work.type) {
    case cudaGraphNodeTypeKernel:
    case cudaGraphNodeTypeMemcpy:
    case cudaGraphNodeTypeMemset:
    case cudaGraphNodeTypeHost:
      return kQueue;
    default:
      return 0;
  }
}

Nanoseconds duration(const Work& work, std::uint64_t device_bytes, Nanoseconds timer) {
  const DeviceTable& table = device_table(settings().sm);
  switch (work.type) {
    case cudaGraphNodeTypeKernel:
    case cudaGraphNodeTypeMemset:
    case cudaGraphNodeTypeMemcpy:
      if (work.host_bytes > 0) return kHostCopyLatency + time_of(work.host_bytes, table.host_bytes_per_second);
      return std::max({kShortestKernel, time_of(device_bytes, memory_bytes_per_second(table)), timer});
    default:
      return 0;
  }
}

}  // namespace drift::emulator
