// Batches in the order they are asked for, prepared ahead of it by the pool's threads. What a batch holds is a function
// of its number, so it is the same for any number of threads.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "data/dataset.h"
#include "data/loader_pool.h"
#include "kernels/crop.h"

namespace drift {

struct Batch {
  std::int64_t step = 0;              // its number
  std::vector<std::int64_t> indices;  // [B], in the dataset
  std::vector<std::uint8_t> images;   // [B,H,W,3]
  std::vector<std::int32_t> labels;   // [B]
  std::vector<Crop> crops;            // [B], in images padded by kCropPad; or empty: images as they are
};

// Makes batches of a data set, whose buffers are used again.
class BatchMaker {
 public:
  // `dataset` must outlive it.
  explicit BatchMaker(const Dataset& dataset) : dataset_(dataset) {}
  virtual ~BatchMaker() = default;

  const Dataset& dataset() const { return dataset_; }
  // In this order: what is quickly done, and the sizes of all; sample by sample, by several threads; the end.
  virtual void begin(std::int64_t number, Batch& batch) const = 0;
  virtual void read(std::size_t sample, Batch& batch) const = 0;
  virtual void end(Batch&) const {}

 protected:
  std::span<std::uint8_t> image_of(std::size_t sample, Batch& batch) const {
    const auto bytes = static_cast<std::size_t>(dataset_.image_shape().elements());
    return std::span(batch.images).subspan(sample * bytes, bytes);
  }

 private:
  const Dataset& dataset_;
};

class BatchesAhead {
 public:
  // Of the numbers first, first + stride, ... below `end`. `maker` and `pool` must outlive it.
  BatchesAhead(const BatchMaker& maker, LoaderPool& pool, std::int64_t first, std::int64_t stride = 1,
               std::int64_t end = std::numeric_limits<std::int64_t>::max());

  // Valid until the next call. Errors met while this batch was prepared are thrown here; calling again tries it again.
  const Batch& next();

  // So many are prepared ahead of the one that was taken, if the pool has threads.
  static constexpr std::int64_t kAhead = 2;

 private:
  struct Place {
    Batch batch;
    std::unique_ptr<LoaderJob> job = nullptr;  // that fills it; nullptr: nobody does
  };
  Place& place_of(std::int64_t turn) { return ring_[static_cast<std::size_t>(turn) % ring_.size()]; }

  const BatchMaker& maker_;
  LoaderPool& pool_;
  const std::int64_t first_, stride_, end_;
  std::int64_t begun_ = 0, taken_ = 0;  // turns
  std::vector<Place> ring_;
};

}  // namespace drift
