// Who works on which elements, when several share an array.
#pragma once

#include <cstdint>

namespace drift {

constexpr std::int64_t kLineFloats = 64 / sizeof(float);

// Where the share of number `index` of `count` begins in n floats: n index / count rounded down to a cache line, so
// that no two write to one.
constexpr std::int64_t share_begin(std::int64_t n, int index, int count) {
  return index == count ? n : n * index / count / kLineFloats * kLineFloats;
}

}  // namespace drift
