#include "tests/emulator/cudart/work.h"

#include <cstring>

#include "tests/emulator/cudart/runtime.h"

namespace drift::emulator {
namespace {

std::uint64_t hash(const char* bytes, std::size_t count) {
  std::uint64_t value = count;
  for (std::size_t i = 0; i < count; i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes + i, std::min<std::size_t>(8, count - i));
    value = (value ^ word) * 0x9e3779b97f4a7c15;
    value ^= value >> 29;
  }
  return value;
}

}  // namespace

PinnedGuard::PinnedGuard(const Work& work) : address_(work.pinned_source), bytes_(work.pinned_bytes) {
  const Allocation* allocation = bytes_ == 0 ? nullptr : runtime().memory.find(address_, bytes_);
  if (allocation == nullptr || !settings().race) {
    bytes_ = 0;
    return;
  }
  content_ = hash(reinterpret_cast<const char*>(address_), bytes_);
  device_writes_ = allocation->device_writes;
  host_functions_ = runtime().scheduler.host_functions_run();
}

void PinnedGuard::check() const {
  if (bytes_ == 0) return;
  const Allocation* allocation = runtime().memory.find(address_, bytes_);
  if (allocation == nullptr || allocation->device_writes != device_writes_) return;
  if (runtime().scheduler.host_functions_run() != host_functions_) return;
  if (hash(reinterpret_cast<const char*>(address_), bytes_) == content_) return;
  throw ptx::Error("the host changed pinned memory at " + hexadecimal(address_) + " before the copy of " +
                   std::to_string(bytes_) + " bytes from it had run");
}

}  // namespace drift::emulator
