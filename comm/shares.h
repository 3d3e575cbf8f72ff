// Who works on which elements, when several share an array.
#pragma once

#include <cstdint>

namespace drift {

// Where the share of number `index` of `count` begins in n floats: n index / count rounded down to a cache line, so
// that no two write to one.
constexpr std::int64_t share_begin(std::int64_t n, int index, int count) {
  constexpr std::int64_t kLine = 64 / sizeof(float);
  return index == count ? n : n * index / count / kLine * kLine;
}

}  // namespace drift
