// The images of a data set in its order, as they are: what evaluation sees.
#pragma once

#include "data/batches_ahead.h"

namespace drift {

// Batch i holds images [i size, (i + 1) size), the last one what is left; of these those that the set has.
class PlainBatches final : public BatchMaker {
 public:
  // `dataset` must outlive it. size >= 1.
  PlainBatches(const Dataset& dataset, std::int64_t size) : BatchMaker(dataset), size_(size) {}

  std::int64_t count() const { return (dataset().size() + size_ - 1) / size_; }

  void begin(std::int64_t number, Batch& batch) const override;
  void read(std::size_t sample, Batch& batch) const override;
  void end(Batch& batch) const override;

 private:
  const std::int64_t size_;
};

}  // namespace drift
