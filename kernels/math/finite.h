// Counting what is NaN or infinite: one pass over memory, in sums of ones. A sum of ones in float32 is exact up to
// 2^24.
#pragma once

#include <cstdint>

#include "kernels/math/packet.h"

namespace drift {
inline namespace DRIFT_PACKETS {

// A [rows, columns] matrix of float32 as terms of column sums.
struct NonFiniteOnes {
  static constexpr int kSums = 1;
  const float* x;
  std::int64_t columns;

  template <class N>
  DRIFT_HD void terms(std::int64_t, std::int64_t row, std::int64_t column, N n, Packet (&sums)[kSums]) const {
    sums[0] += ones_where_not_finite(load(x + row * columns + column, n));
  }
};

}  // namespace DRIFT_PACKETS
}  // namespace drift
