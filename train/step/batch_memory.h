// Where a batch lies on the device. Its parts keep their addresses from batch to batch, so that a captured step finds
// the batch of today. Where the whole data set lies on the device it is read by index, and only indices, crops and
// labels travel.
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
  TensorView images;   // uint8 [M,H,W,3]
  TensorView indices;  // int32 [N], or nothing: M = N
  TensorView labels;   // int32 [N]
  TensorView crops;    // uint8 [N,4], or nothing: images as they are
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

class BatchMemory {
 public:
  // For batches of at most `capacity` samples of shape `image`. resident, which must outlive it, may be nullptr.
  // steady: for the whole of a training; images that travel then do so beside the steps (image_uploads.h).
  BatchMemory(Device device, const Shape& image, std::int64_t capacity, const ResidentImages* resident = nullptr,
              bool steady = false);

  // Enqueues the copy of the labels, of the crops if the batch has them, and of the images, or of the indices of
  // resident ones; the host's batch may change at once.
  DeviceBatch upload(const Batch& batch, Backend& backend);

 private:
  Shape image_;
  std::int64_t capacity_;
  const ResidentImages* resident_;
  Storage images_, indices_, labels_, crops_;
  std::optional<ImageUploads> uploads_;  // on a GPU, where images travel
  std::vector<std::int32_t> narrow_indices_;
};

}  // namespace drift
