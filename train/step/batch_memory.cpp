#include "train/step/batch_memory.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/check.h"

namespace drift {
namespace {

BatchLayout layout_of(std::int64_t capacity, bool indexed) {
  BatchLayout layout;
  const auto place = [&layout](std::size_t bytes) {
    constexpr std::size_t kAlignment = BatchLayout::kAlignment;
    return std::exchange(layout.bytes, layout.bytes + (bytes + kAlignment - 1) / kAlignment * kAlignment);
  };
  const auto samples = static_cast<std::size_t>(capacity);
  layout.labels = place(samples * sizeof(std::int32_t));
  layout.indices = place(indexed ? samples * sizeof(std::int32_t) : 0);
  layout.crops = place(samples * sizeof(Crop));
  layout.rate = place(sizeof(float));
  return layout;
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
      images_(device, resident == nullptr ? static_cast<std::size_t>(capacity * image.elements()) : 0),
      layout_(layout_of(capacity, resident != nullptr)),
      block_(device, layout_.bytes),
      next_block_(layout_.bytes) {
  const bool travel = resident == nullptr && device.type == DeviceType::kCuda;
  if (travel && steady) uploads_.emplace(device, capacity * image.elements());
}

DeviceBatch BatchMemory::upload(const Batch& batch, Backend& backend, float rate) {
  const auto n = std::ssize(batch.labels);
  DRIFT_ASSERT(n <= capacity_ && (batch.crops.empty() || std::ssize(batch.crops) == n),
               "a batch of {} labels and {} crops for memory of {}", n, batch.crops.size(), capacity_);
  DeviceBatch on_device{.images = {},
                        .indices = {},
                        .labels = part(layout_.labels, {n}, DType::kInt32),
                        .crops = {},
                        .rate = part(layout_.rate, {1}, DType::kFloat32)};
  std::ranges::copy(batch.labels, next<std::int32_t>(layout_.labels));
  *next<float>(layout_.rate) = rate;
  if (resident_ != nullptr) {
    DRIFT_ASSERT(std::ssize(batch.indices) == n, "{} indices for {} labels", batch.indices.size(), n);
    on_device.images = resident_->view();
    on_device.indices = part(layout_.indices, {n}, DType::kInt32);
    std::ranges::transform(batch.indices, next<std::int32_t>(layout_.indices),
                           [](std::int64_t index) { return static_cast<std::int32_t>(index); });
  } else {
    on_device.images = upload_images(batch, backend);
  }
  if (!batch.crops.empty()) {
    on_device.crops = part(layout_.crops, {n, sizeof(Crop)}, DType::kUint8);
    std::ranges::copy(batch.crops, next<Crop>(layout_.crops));
  }
  backend.upload(next_block_.data(), part(0, {std::ssize(next_block_)}, DType::kUint8));
  return on_device;
}

TensorView BatchMemory::upload_images(const Batch& batch, Backend& backend) {
  const Shape shape{std::ssize(batch.labels), image_[0], image_[1], image_[2]};
  DRIFT_ASSERT(std::ssize(batch.images) == shape.elements(), "{} bytes of images for {}", batch.images.size(),
               to_string(shape));
  const TensorView images{.data = images_.data(), .shape = shape, .dtype = DType::kUint8};
  if (uploads_) {
    uploads_->upload(batch.images, images, backend);
  } else {
    backend.upload(batch.images.data(), images);
  }
  return images;
}

}  // namespace drift
