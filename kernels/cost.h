// What an operation costs at least, from its arguments alone: the only place with these formulas. Benches hold measured
// times against it, `drift describe` adds it up.
#pragma once

#include <cstdint>

#include "kernels/op.h"

namespace drift {

struct OpCost {
  // Every pass over memory that the operation has to make: batch norm's forward reads x once for the statistics and
  // once to normalise it. Numbers per channel, sample or group (biases, statistics, labels) are left out.
  std::int64_t bytes = 0;
  // Of convolutions and matrix products, one for each factor of each sum; 0 where memory is the only cost. Each is two
  // floating-point operations.
  std::int64_t multiply_adds = 0;

  std::int64_t flops() const { return 2 * multiply_adds; }
  OpCost& operator+=(const OpCost& more) {
    bytes += more.bytes;
    multiply_adds += more.multiply_adds;
    return *this;
  }
};

OpCost cost_of(const Op& op);

}  // namespace drift
