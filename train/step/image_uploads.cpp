// See image_uploads.h.
#include "train/step/image_uploads.h"

#include <cstring>

namespace drift {

ImageUploads::ImageUploads(Device device, std::int64_t capacity)
    : arriving_(device, static_cast<std::size_t>(capacity)),
      taken_(device),
      slots_{{HostMemory(device, static_cast<std::size_t>(capacity)), Event(device)},
             {HostMemory(device, static_cast<std::size_t>(capacity)), Event(device)}},
      copies_(make_stream(device, 1)) {}

void ImageUploads::upload(std::span<const std::uint8_t> images, const TensorView& to, Backend& backend) {
  Slot& slot = slots_[turn_ % 2];
  slot.copied.synchronize();
  std::memcpy(slot.memory.data(), images.data(), images.size());
  if (turn_++ > 0) taken_.wait(*copies_);
  copy_from_host(*copies_, slot.memory, images.size(), arriving_.data());
  slot.copied.record(*copies_);
  slot.copied.wait(backend.stream());
  backend.copy({.data = arriving_.data(), .shape = to.shape, .dtype = to.dtype}, to);
  taken_.record(backend.stream());
}

}  // namespace drift
