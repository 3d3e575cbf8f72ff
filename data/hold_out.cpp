#include "data/hold_out.h"

#include <utility>

#include "core/check.h"
#include "core/rng.h"
#include "data/subset.h"

namespace drift {

// Selection sampling (Knuth, The Art of Computer Programming 2, 3.4.2 S): of the images that are left, so many are
// still wanted.
DataSource hold_out(DataSource data, std::int64_t images, std::uint64_t seed) {
  const std::int64_t size = data.train->size();
  DRIFT_ASSERT(!data.validation && 0 < images && images < size, "{} of {} images to be held out", images, size);
  const Rng rng(seed, stream_id(Purpose::kHoldOut));
  std::vector<std::int64_t> held_out, left;
  for (std::int64_t index = 0; index < size; ++index) {
    const std::int64_t wanted = images - std::ssize(held_out);
    const bool chosen = rng.below(static_cast<std::uint64_t>(index), static_cast<std::uint32_t>(size - index)) < wanted;
    (chosen ? held_out : left).push_back(index);
  }
  data.whole = std::move(data.train);
  data.train = std::make_unique<Subset>(*data.whole, std::move(left));
  data.validation = std::make_unique<Subset>(*data.whole, std::move(held_out));
  return data;
}

}  // namespace drift
