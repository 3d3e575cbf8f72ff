// How far two arenas are apart: one pass over both for the sum of squared differences.
#pragma once

#include <cstdint>

#include "kernels/math/packet.h"

namespace drift {
inline namespace DRIFT_PACKETS {

// Two [rows, columns] matrices of float32 as terms of column sums; without b one.
struct SquaredDifferences {
  static constexpr int kSums = 1;
  const float* a;
  const float* b;
  std::int64_t columns;

  template <class N>
  DRIFT_HD void terms(std::int64_t, std::int64_t row, std::int64_t column, N n, Packet (&sums)[kSums]) const {
    const std::int64_t at = row * columns + column;
    Packet difference = load(a + at, n);
    if (b != nullptr) difference -= load(b + at, n);
    sums[0] += difference * difference;
  }
};

}  // namespace DRIFT_PACKETS
}  // namespace drift
