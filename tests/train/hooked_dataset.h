// A data set that does something whenever an image is read: fails, or asks for a stop.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "data/dataset.h"

namespace drift::testing {

class HookedDataset final : public Dataset {
 public:
  // before_read: with the image's index; from any thread.
  HookedDataset(std::unique_ptr<Dataset> inner, std::function<void(std::int64_t)> before_read)
      : inner_(std::move(inner)), before_read_(std::move(before_read)) {}

  std::int64_t size() const override { return inner_->size(); }
  Shape image_shape() const override { return inner_->image_shape(); }
  std::span<const std::string> class_names() const override { return inner_->class_names(); }
  std::int32_t label(std::int64_t index) const override { return inner_->label(index); }
  bool in_memory() const override { return inner_->in_memory(); }
  bool read_image(std::int64_t index, std::span<std::uint8_t> image) const override {
    before_read_(index);
    return inner_->read_image(index, image);
  }

 private:
  std::unique_ptr<Dataset> inner_;
  std::function<void(std::int64_t)> before_read_;
};

}  // namespace drift::testing
