#include "data/batches_ahead.h"

#include "core/check.h"

namespace drift {
namespace {

// Decoding an image takes milliseconds, copying one less than handing it out.
std::int64_t samples_at_once(const Dataset& dataset) {
  return dataset.in_memory() ? 64 : 1;
}

}  // namespace

BatchesAhead::BatchesAhead(const BatchMaker& maker, LoaderPool& pool, std::int64_t first, std::int64_t stride,
                           std::int64_t end)
    : maker_(maker),
      pool_(pool),
      first_(first),
      stride_(stride),
      end_(end),
      ring_(static_cast<std::size_t>(pool.threads() == 0 ? 1 : 1 + kAhead)) {}

const Batch& BatchesAhead::next() {
  DRIFT_ASSERT(first_ + taken_ * stride_ < end_, "batch {} of {}", first_ + taken_ * stride_, end_);
  for (; begun_ < taken_ + std::ssize(ring_) && first_ + begun_ * stride_ < end_; ++begun_) {
    Place& place = place_of(begun_);
    place.job.reset();
    maker_.begin(first_ + begun_ * stride_, place.batch);
    place.job = std::make_unique<LoaderJob>(
        pool_, std::ssize(place.batch.indices), samples_at_once(maker_.dataset()),
        [this, &batch = place.batch](std::int64_t sample) { maker_.read(static_cast<std::size_t>(sample), batch); });
  }
  Place& place = place_of(taken_);
  try {
    place.job->finish();
    maker_.end(place.batch);
  } catch (...) {
    for (Place& each : ring_) each.job.reset();
    begun_ = taken_;  // this batch, and those after it, anew
    throw;
  }
  ++taken_;
  return place.batch;
}

}  // namespace drift
