// A split that lies in memory as a whole: what every built-in data set becomes once opened, so that reading an image is
// a copy of its bytes and any number of threads may read.
#pragma once

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "data/dataset.h"

namespace drift {

class MemoryDataset final : public Dataset {
 public:
  // images: [N,H,W,3] as read_image() gives them; labels: [N], each below class_names.size().
  MemoryDataset(Shape image_shape, std::vector<std::string> class_names, std::vector<std::uint8_t> images,
                std::vector<std::int32_t> labels)
      : image_shape_(image_shape),
        image_bytes_(static_cast<std::size_t>(image_shape.elements())),
        class_names_(std::move(class_names)),
        images_(std::move(images)),
        labels_(std::move(labels)) {
    DRIFT_ASSERT(images_.size() == labels_.size() * image_bytes_, "{} bytes of images for {} labels", images_.size(),
                 labels_.size());
  }

  std::int64_t size() const override { return static_cast<std::int64_t>(labels_.size()); }
  Shape image_shape() const override { return image_shape_; }
  std::span<const std::string> class_names() const override { return class_names_; }

  bool in_memory() const override { return true; }

  bool read_image(std::int64_t index, std::span<std::uint8_t> image) const override {
    DRIFT_ASSERT(index >= 0 && index < size() && image.size() == image_bytes_, "image {} of {} into {} bytes", index,
                 size(), image.size());
    std::copy_n(images_.data() + static_cast<std::size_t>(index) * image_bytes_, image_bytes_, image.data());
    return true;
  }

  std::int32_t label(std::int64_t index) const override {
    DRIFT_ASSERT(index >= 0 && index < size(), "label {} of {}", index, size());
    return labels_[static_cast<std::size_t>(index)];
  }

 private:
  Shape image_shape_;
  std::size_t image_bytes_;
  std::vector<std::string> class_names_;
  std::vector<std::uint8_t> images_;
  std::vector<std::int32_t> labels_;
};

}  // namespace drift
