// What a gradient is scaled by so that its norm stays within a bound: one pass over memory for the sum of squares. The
// bits depend on the number of values alone, never on who summed which of them (numerics.md, reductions).
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/math/packet.h"

namespace drift {
inline namespace DRIFT_PACKETS {

// A [rows, columns] matrix of float32 as terms of column sums.
struct Squares {
  static constexpr int kSums = 1;
  const float* x;
  std::int64_t columns;

  template <class N>
  DRIFT_HD void terms(std::int64_t, std::int64_t row, std::int64_t column, N n, Packet (&sums)[kSums]) const {
    const Packet value = load(x + row * columns + column, n);
    sums[0] += value * value;
  }
};

// From the sum of squares, which is the only column.
struct StoreClipScale {
  float* result;
  double max_norm;

  DRIFT_HD void operator()(std::int64_t, std::int64_t, const double (&totals)[1]) const {
    const double scale = max_norm / (std::sqrt(totals[0]) + 1e-6);
    const double zero_if_finite = totals[0] - totals[0];  // else NaN
    *result = static_cast<float>((scale < 1 ? scale : 1) + zero_if_finite);
  }
};

}  // namespace DRIFT_PACKETS
}  // namespace drift
