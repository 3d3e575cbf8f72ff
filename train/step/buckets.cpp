#include "train/step/buckets.h"

#include <algorithm>

#include "core/check.h"

namespace drift {

Buckets::Buckets(const ParameterSet& replica, std::int64_t bytes) {
  DRIFT_ASSERT(bytes > 0, "buckets of {} bytes", bytes);
  const std::int64_t weights = replica.decayed_count(), all = std::ssize(replica.values());
  std::vector<std::int64_t> begins;
  for (const Parameter* const parameter : replica.parameters()) {
    if (parameter->offset() < weights) begins.push_back(parameter->offset());
  }
  std::ranges::sort(begins, std::greater());
  constexpr std::int64_t kFloat = sizeof(float);
  std::int64_t end = weights;
  const auto aim = [&] {
    const bool last = !ranges_.empty() && end * kFloat <= bytes;
    return last ? std::max(end * kFloat / 2, bytes / 8) : bytes;
  };
  for (const std::int64_t begin : begins) {
    if (begin > 0 && (end - begin) * kFloat < aim()) continue;
    ranges_.push_back({begin, end});
    end = begin;
  }
  if (weights < all) ranges_.push_back({weights, all});
  parameters_.resize(ranges_.size());
  for (const Parameter* const parameter : replica.parameters()) ++parameters_[of(*parameter)];
}

std::size_t Buckets::of(const Parameter& parameter) const {
  const auto found = std::ranges::find_if(ranges_, [&](const ArenaRange& range) {
    return range.begin <= parameter.offset() && parameter.offset() < range.end;
  });
  return static_cast<std::size_t>(found - ranges_.begin());
}

}  // namespace drift
