#include "kernels/cuda/staging.h"

#include <algorithm>
#include <cstring>

#include "core/log.h"
#include "kernels/cuda/check_cuda.h"
#include "kernels/cuda/device_cuda.h"
#include "kernels/device_watch.h"

namespace drift {

StagingRing::StagingRing(Stream& stream) : stream_(stream), memory_(stream.device(), kSlots * kSlotBytes) {
  for (std::size_t slot = 0; slot < kSlots; ++slot) used_.emplace_back(stream.device());
}

// The copies still under way read memory_.
StagingRing::~StagingRing() {
  if (device_watch().gave_up()) return;
  try {
    stream_.synchronize();
  } catch (const Error& error) {
    log_warning("the end of the copies to {}: {}", to_string(stream_.device()), error.message());
  }
}

std::byte* StagingRing::memory_of(std::size_t slot) const {
  return static_cast<std::byte*>(memory_.data()) + slot * kSlotBytes;
}

std::byte* StagingRing::settled(std::size_t slot) const {
  used_[slot].synchronize();
  return memory_of(slot);
}

void StagingRing::require_no_capture(const char* operation) const {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  DRIFT_CUDA(cudaStreamIsCapturing(cuda_handle(stream_), &status), "{} on {}", operation, to_string(stream_.device()));
  DRIFT_ASSERT(status == cudaStreamCaptureStatusNone,
               "{} while a step is captured on {}: do it before, into memory that the step reads", operation,
               to_string(stream_.device()));
}

void StagingRing::upload(const void* host, void* device, std::size_t bytes) {
  require_no_capture("an upload");
  for (std::size_t offset = 0; offset < bytes; offset += kSlotBytes) {
    const std::size_t size = std::min(kSlotBytes, bytes - offset), slot = next_++ % kSlots;
    std::byte* const staged = settled(slot);
    std::memcpy(staged, static_cast<const std::byte*>(host) + offset, size);
    DRIFT_CUDA(cudaMemcpyAsync(static_cast<std::byte*>(device) + offset, staged, size, cudaMemcpyHostToDevice,
                               cuda_handle(stream_)),
               "an upload of {} bytes to {}", bytes, to_string(stream_.device()));
    used_[slot].record(stream_);
  }
}

void StagingRing::download(const void* device, void* host, std::size_t bytes) {
  require_no_capture("a download");
  constexpr std::size_t kAhead = 2;  // pieces on their way while the host empties one
  static_assert(kAhead < kSlots);
  const std::size_t pieces = (bytes + kSlotBytes - 1) / kSlotBytes, first = next_;
  next_ += pieces;
  const auto size_of_piece = [&](std::size_t piece) { return std::min(kSlotBytes, bytes - piece * kSlotBytes); };
  for (std::size_t piece = 0; piece < pieces + kAhead; ++piece) {
    if (piece < pieces) {
      const std::size_t slot = (first + piece) % kSlots;
      // An older copy from this slot comes first by the order of the stream.
      DRIFT_CUDA(cudaMemcpyAsync(memory_of(slot), static_cast<const std::byte*>(device) + piece * kSlotBytes,
                                 size_of_piece(piece), cudaMemcpyDeviceToHost, cuda_handle(stream_)),
                 "a download of {} bytes from {}", bytes, to_string(stream_.device()));
      used_[slot].record(stream_);
    }
    if (piece >= kAhead) {
      const std::size_t done = piece - kAhead;
      std::memcpy(static_cast<std::byte*>(host) + done * kSlotBytes, settled((first + done) % kSlots),
                  size_of_piece(done));
    }
  }
}

}  // namespace drift
