// StagingRing: page-locked memory between the caller's ordinary memory and a stream's copies, so that an upload returns
// as soon as its bytes are in the ring and waits only when the ring is full. Neither direction may be captured: a
// replayed step would copy what the ring held then.
#pragma once

#include <cstddef>
#include <vector>

#include "kernels/device.h"

namespace drift {

class StagingRing {
 public:
  explicit StagingRing(Stream& stream);
  ~StagingRing();
  StagingRing(const StagingRing&) = delete;
  StagingRing& operator=(const StagingRing&) = delete;

  void upload(const void* host, void* device, std::size_t bytes);
  void download(const void* device, void* host, std::size_t bytes);  // returns when done

  static constexpr std::size_t kSlotBytes = std::size_t{256} << 10;
  static constexpr std::size_t kSlots = 32;

 private:
  std::byte* memory_of(std::size_t slot) const;
  // The same, once the copy that used it last is done.
  std::byte* settled(std::size_t slot) const;
  void require_no_capture(const char* operation) const;

  Stream& stream_;
  HostMemory memory_;
  std::vector<Event> used_;  // of each slot: the end of the copy that used it last
  std::size_t next_ = 0;
};

}  // namespace drift
