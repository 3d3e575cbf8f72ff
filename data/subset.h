// Some images of a data set, in an order of their own, as a data set. They stay where they are.
#pragma once

#include <utility>
#include <vector>

#include "core/check.h"
#include "core/checked_file.h"
#include "data/dataset.h"

namespace drift {

class Subset final : public Dataset {
 public:
  // `all` must outlive it; indices: of its images.
  Subset(const Dataset& all, std::vector<std::int64_t> indices) : all_(all), indices_(std::move(indices)) {}

  std::int64_t size() const override { return std::ssize(indices_); }
  Shape image_shape() const override { return all_.image_shape(); }
  std::span<const std::string> class_names() const override { return all_.class_names(); }
  std::int32_t label(std::int64_t index) const override { return all_.label(index_of(index)); }
  bool in_memory() const override { return all_.in_memory(); }
  bool read_image(std::int64_t index, std::span<std::uint8_t> image) const override {
    return all_.read_image(index_of(index), image);
  }
  bool read_crop(std::int64_t index, const Rng& rng, std::span<std::uint8_t> image) const override {
    return all_.read_crop(index_of(index), rng, image);
  }
  // Images that lie in memory are looked at; of others, which those are.
  void identify(RunningDigest& digest) const override {
    if (in_memory()) return Dataset::identify(digest);
    digest.add(std::as_bytes(std::span(indices_)));
    all_.identify(digest);
  }

 private:
  std::int64_t index_of(std::int64_t index) const {
    DRIFT_ASSERT(index >= 0 && index < size(), "image {} of {}", index, size());
    return indices_[static_cast<std::size_t>(index)];
  }

  const Dataset& all_;
  std::vector<std::int64_t> indices_;
};

}  // namespace drift
