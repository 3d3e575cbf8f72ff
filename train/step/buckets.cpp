#include "train/step/buckets.h"

#include <algorithm>
#include <ranges>

#include "core/check.h"

namespace drift {

std::vector<ArenaRange> cut_into_buckets(std::span<const std::int64_t> begins, std::int64_t weights, std::int64_t all,
                                         std::int64_t bytes) {
  DRIFT_ASSERT(bytes > 0, "buckets of {} bytes", bytes);
  std::vector<ArenaRange> ranges;
  constexpr std::int64_t kFloat = sizeof(float);
  std::int64_t end = weights;
  const auto aim = [&] {
    const bool last = !ranges.empty() && end * kFloat <= bytes;
    return last ? std::max(end * kFloat / 2, bytes / 8) : bytes;
  };
  for (const std::int64_t begin : std::views::reverse(begins)) {
    if (begin > 0 && (end - begin) * kFloat < aim()) continue;
    ranges.push_back({begin, end});
    end = begin;
  }
  if (weights < all) ranges.push_back({weights, all});
  return ranges;
}

std::int64_t bucket_bytes(double megabytes, std::int64_t floats) {
  const double all = sizeof(float) * static_cast<double>(floats);
  const double bytes = megabytes > 0 ? 1e6 * megabytes : std::min(4e6, all / 8);
  return static_cast<std::int64_t>(std::clamp(bytes, 1.0, std::max(all, 1.0)));
}

Buckets::Buckets(const ParameterSet& replica, std::int64_t bytes) {
  const std::int64_t weights = replica.decayed_count();
  std::vector<std::int64_t> begins;
  for (const Parameter* const parameter : replica.parameters()) {
    if (parameter->offset() < weights) begins.push_back(parameter->offset());
  }
  std::ranges::sort(begins);
  ranges_ = cut_into_buckets(begins, weights, std::ssize(replica.values()), bytes);
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
