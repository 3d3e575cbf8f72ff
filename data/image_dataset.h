// The data set of a Source and a Transform: images are read and decoded each time they are asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "core/spares.h"
#include "data/bad_images.h"
#include "data/dataset.h"
#include "data/source.h"
#include "data/transform.h"

namespace drift {

class ImageDataset final : public Dataset {
 public:
  ImageDataset(std::unique_ptr<const Source> source, const OutputSizes& sizes, BadImages bad_images,
               JpegLibrary library = best_jpeg_library());
  ~ImageDataset() override;

  std::int64_t size() const override { return source_->size(); }
  Shape image_shape() const override { return {sizes_.side, sizes_.side, 3}; }
  std::span<const std::string> class_names() const override { return source_->class_names(); }
  std::int32_t label(std::int64_t index) const override { return source_->label(index); }
  bool in_memory() const override { return false; }
  // Both throw kData, naming the image, for one that cannot be read and, with kFail, for one that cannot be decoded.
  bool read_image(std::int64_t index, std::span<std::uint8_t> image) const override;
  bool read_crop(std::int64_t index, const Rng& rng, std::span<std::uint8_t> image) const override;
  void identify(RunningDigest& digest) const override { source_->identify(digest); }

 private:
  struct Decoder;  // for one image at a time

  template <class Run>
  bool read(std::int64_t index, Run run) const;
  void leave_out(std::int64_t index, const std::string& problem) const;

  const std::unique_ptr<const Source> source_;
  const OutputSizes sizes_;
  const BadImages bad_images_;
  mutable Spares<Decoder> decoders_;
  mutable std::mutex mutex_;
  mutable std::set<std::int64_t> left_out_;
};

}  // namespace drift
