#include "data/image_dataset.h"

#include <bit>
#include <utility>

#include "core/check.h"
#include "core/log.h"

namespace drift {
namespace {

constexpr std::size_t kNamed = 100;  // images that are left out; further ones are counted

}  // namespace

struct ImageDataset::Decoder {
  Decoder(const OutputSizes& sizes, JpegLibrary library) : transform(sizes, library) {}

  Transform transform;
  std::string memory;  // of encoded bytes
};

ImageDataset::ImageDataset(std::unique_ptr<const Source> source, const OutputSizes& sizes, BadImages bad_images,
                           JpegLibrary library)
    : source_(std::move(source)),
      sizes_(sizes),
      bad_images_(bad_images),
      decoders_([sizes, library] { return std::make_unique<Decoder>(sizes, library); }) {}

ImageDataset::~ImageDataset() = default;

template <class Run>
bool ImageDataset::read(std::int64_t index, Run run) const {
  DRIFT_ASSERT(index >= 0 && index < size(), "image {} of {}", index, size());
  const Spares<Decoder>::Loan decoder(decoders_);
  const std::span<const std::uint8_t> encoded = source_->read(index, decoder->memory);
  const std::string problem = problem_of(*source_, index, bad_images_, [&] { run(decoder->transform, encoded); });
  if (!problem.empty()) leave_out(index, problem);
  return problem.empty();
}

bool ImageDataset::read_image(std::int64_t index, std::span<std::uint8_t> image) const {
  return read(index, [&](Transform& transform, std::span<const std::uint8_t> encoded) {
    transform.evaluation(encoded, image);
  });
}

bool ImageDataset::read_crop(std::int64_t index, const Rng& rng, std::span<std::uint8_t> image) const {
  return read(index, [&](Transform& transform, std::span<const std::uint8_t> encoded) {
    transform.training(encoded, rng, image);
  });
}

void ImageDataset::leave_out(std::int64_t index, const std::string& problem) const {
  const std::lock_guard lock(mutex_);
  if (!left_out_.insert(index).second) return;
  const std::size_t count = left_out_.size();
  if (count <= kNamed) {
    log_warning("{}: {}: left out, {} of {} images so far", source_->place(index), problem, count, size());
  } else if (std::has_single_bit(count)) {
    log_warning("{} of {} images are left out so far", count, size());
  }
}

}  // namespace drift
