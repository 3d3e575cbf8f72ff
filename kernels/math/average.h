// The mean of K replicas, element by element, summed in a fixed balanced tree over k: neighbours first, then pairs of
// pairs. The order depends on K alone, so replicas get the same bits whoever computes which share.
#pragma once

#include "kernels/math/packet.h"

namespace drift {

struct AverageReplicas {
  float* const* replicas;
  int count;    // K
  float scale;  // 1/K

  template <class N>
  DRIFT_HD void operator()(std::int64_t i, N n) const {
    // sums[level] holds the sum of the latest finished subtree of 2^level leaves: adding leaf k carries like adding 1
    // to a binary number.
    Packet sums[32];
    for (int level = 0; count >> level; ++level) sums[level] = Packet{};
    for (int k = 0; k < count; ++k) {
      Packet carry = load(replicas[k] + i, n);
      int level = 0;
      for (; (k >> level) & 1; ++level) carry = sums[level] + carry;
      sums[level] = carry;
    }
    int level = __builtin_ctz(static_cast<unsigned>(count));
    Packet total = sums[level];
    for (++level; count >> level; ++level) {
      if ((count >> level) & 1) total = sums[level] + total;
    }
    const Packet mean = total * scale;
    for (int k = 0; k < count; ++k) store(replicas[k] + i, mean, n);
  }
};

}  // namespace drift
