// The images of batches on their way to a GPU, where they do not lie there as a whole. They travel on a stream of their
// own while the step before them computes, into memory of their own; when their step's turn comes, they are copied to
// where it reads, which never moves. The host's batch may change as soon as upload() returns.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/backend.h"

namespace drift {

class ImageUploads {
 public:
  // For so many bytes at most.
  ImageUploads(Device device, std::int64_t capacity);

  // What is enqueued on the backend's stream from now on finds `images` at `to`, on the device; what was enqueued
  // before still finds those of before.
  void upload(std::span<const std::uint8_t> images, const TensorView& to, Backend& backend);

 private:
  struct Slot {
    HostMemory memory;  // page-locked
    Event copied;       // on the stream of copies: free again
  };

  Storage arriving_;
  Event taken_;  // on the backend's stream: arriving_ is free again
  Slot slots_[2];
  std::int64_t turn_ = 0;
  std::unique_ptr<Stream> copies_;  // last: its end waits for the copies
};

}  // namespace drift
