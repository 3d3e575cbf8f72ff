// Where a batch lies on the device. Its parts keep their addresses from batch to batch, so that a captured step finds
// the batch of today. Where the whole data set lies on the device it is read by index, and only indices, crops and
// labels travel: with the learning rate in one block, by one copy.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "data/dataset.h"
#include "data/loader.h"
#include "kernels/backend.h"
#include "train/step/image_uploads.h"

namespace drift {

// A Batch on the device: what Augment and the loss read.
struct DeviceBatch {
  TensorView images;     // uint8 [M,H,W,3]
  TensorView indices;    // int32 [N], or nothing: M = N
  TensorView labels;     // int32 [N]
  TensorView crops;      // uint8 [N,4], or nothing: images as they are
  TensorView rate = {};  // float32 [1]: the learning rate of the update behind it
};

// The images of a whole data set in device memory.
class ResidentImages {
 public:
  // Memory for them, whose addresses are known from then on.
  ResidentImages(const Dataset& dataset, Device device);
  // Fills it; whoever reads it from any stream may do so afterwards.
  void upload(const Dataset& dataset, Backend& backend);
  TensorView view() const;

 private:
  Shape shape_;
  Storage images_;
};

// Where in a block the small parts of a batch begin, in bytes, and how long it is.
struct BatchLayout {
  static constexpr std::size_t kAlignment = 64;  // of each part, as if it had memory of its own
  std::size_t labels = 0, indices = 0, crops = 0, rate = 0, bytes = 0;
};

class BatchMemory {
 public:
  // For batches of at most `capacity` samples of shape `image`. resident, which must outlive it, may be nullptr.
  // steady: for the whole of a training; images that travel then do so beside the steps (image_uploads.h).
  BatchMemory(Device device, const Shape& image, std::int64_t capacity, const ResidentImages* resident = nullptr,
              bool steady = false);

  // Enqueues one copy of labels, crops if the batch has them, rate and the indices of resident images, and one of
  // images that are not; the host's batch may change at once.
  DeviceBatch upload(const Batch& batch, Backend& backend, float rate = 0);

 private:
  TensorView upload_images(const Batch& batch, Backend& backend);
  // Memory of the part at `offset` of the next block to be copied.
  template <class T>
  T* next(std::size_t offset) {
    return reinterpret_cast<T*>(next_block_.data() + offset);
  }
  TensorView part(std::size_t offset, const Shape& shape, DType dtype) const {
    return {static_cast<std::byte*>(block_.data()) + offset, shape, dtype};
  }

  Shape image_;
  std::int64_t capacity_;
  const ResidentImages* resident_;
  Storage images_;
  std::optional<ImageUploads> uploads_;  // on a GPU, where images travel
  BatchLayout layout_;
  Storage block_;
  std::vector<std::byte> next_block_;  // on the host
};

}  // namespace drift
