#include "train/step/batch_memory.h"

#include <limits>

#include "core/check.h"

namespace drift {
namespace {

std::size_t bytes_for(bool needed, std::int64_t bytes) {
  return needed ? static_cast<std::size_t>(bytes) : 0;
}

}  // namespace

ResidentImages::ResidentImages(const Dataset& dataset, Device device)
    : shape_{dataset.size(), dataset.image_shape()[0], dataset.image_shape()[1], dataset.image_shape()[2]},
      images_(device, static_cast<std::size_t>(shape_.elements())) {
  DRIFT_CHECK(kConfig, dataset.size() <= std::numeric_limits<std::int32_t>::max(),
              "a data set of {} images is too large to be read by 32-bit index", dataset.size());
}

void ResidentImages::upload(const Dataset& dataset, Backend& backend) {
  const auto image_bytes = static_cast<std::size_t>(dataset.image_shape().elements());
  constexpr std::int64_t kPiece = 1024;  // images at a time: staging memory stays small
  std::vector<std::uint8_t> piece;
  for (std::int64_t first = 0; first < dataset.size(); first += kPiece) {
    const std::int64_t n = std::min(kPiece, dataset.size() - first);
    piece.resize(static_cast<std::size_t>(n) * image_bytes);
    for (std::int64_t i = 0; i < n; ++i) {
      dataset.read_image(first + i, std::span(piece).subspan(static_cast<std::size_t>(i) * image_bytes, image_bytes));
    }
    std::byte* const to = static_cast<std::byte*>(images_.data()) + static_cast<std::size_t>(first) * image_bytes;
    backend.upload(piece.data(), {.data = to, .shape = {std::ssize(piece)}, .dtype = DType::kUint8});
  }
  backend.stream().synchronize();  // workers read them on streams of their own
}

TensorView ResidentImages::view() const {
  return {.data = images_.data(), .shape = shape_, .dtype = DType::kUint8};
}

BatchMemory::BatchMemory(Device device, const Shape& image, std::int64_t capacity, const ResidentImages* resident,
                         bool steady)
    : image_(image),
      capacity_(capacity),
      resident_(resident),
      images_(device, bytes_for(resident == nullptr, capacity * image.elements())),
      indices_(device, bytes_for(resident != nullptr, capacity * std::int64_t{sizeof(std::int32_t)})),
      labels_(device, bytes_for(true, capacity * std::int64_t{sizeof(std::int32_t)})),
      crops_(device, bytes_for(true, capacity * std::int64_t{sizeof(Crop)})) {
  const bool travel = resident == nullptr && device.type == DeviceType::kCuda;
  if (travel && steady) uploads_.emplace(device, capacity * image.elements());
}

DeviceBatch BatchMemory::upload(const Batch& batch, Backend& backend) {
  const auto n = std::ssize(batch.labels);
  DRIFT_ASSERT(n <= capacity_ && (batch.crops.empty() || std::ssize(batch.crops) == n),
               "a batch of {} labels and {} crops for memory of {}", n, batch.crops.size(), capacity_);
  DeviceBatch on_device{.images = {},
                        .indices = {},
                        .labels = {.data = labels_.data(), .shape = {n}, .dtype = DType::kInt32},
                        .crops = {}};
  if (resident_ != nullptr) {
    DRIFT_ASSERT(std::ssize(batch.indices) == n, "{} indices for {} labels", batch.indices.size(), n);
    on_device.images = resident_->view();
    on_device.indices = {.data = indices_.data(), .shape = {n}, .dtype = DType::kInt32};
    narrow_indices_.assign(batch.indices.begin(), batch.indices.end());
    backend.upload(narrow_indices_.data(), on_device.indices);
  } else {
    const Shape shape{n, image_[0], image_[1], image_[2]};
    DRIFT_ASSERT(std::ssize(batch.images) == shape.elements(), "{} bytes of images for {}", batch.images.size(),
                 to_string(shape));
    on_device.images = {.data = images_.data(), .shape = shape, .dtype = DType::kUint8};
    if (uploads_) {
      uploads_->upload(batch.images, on_device.images, backend);
    } else {
      backend.upload(batch.images.data(), on_device.images);
    }
  }
  backend.upload(batch.labels.data(), on_device.labels);
  if (!batch.crops.empty()) {
    on_device.crops = {.data = crops_.data(), .shape = {n, 4}, .dtype = DType::kUint8};
    backend.upload(batch.crops.data(), on_device.crops);
  }
  return on_device;
}

}  // namespace drift
