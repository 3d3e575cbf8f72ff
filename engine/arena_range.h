// ArenaRange: a part of the arenas of a replica, the same in each of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

namespace drift {

// Floats [begin, end) of an arena.
struct ArenaRange {
  std::int64_t begin = 0, end = 0;

  std::int64_t size() const { return end - begin; }
  std::span<float> of(std::span<float> arena) const {
    return arena.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(size()));
  }
  // What both have; empty ranges begin where they end.
  ArenaRange within(const ArenaRange& other) const {
    const std::int64_t first = std::max(begin, other.begin);
    return {first, std::max(first, std::min(end, other.end))};
  }
  bool empty() const { return begin == end; }
  bool operator==(const ArenaRange&) const = default;
};

}  // namespace drift
