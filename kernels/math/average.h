// The mean of K replicas, element by element, summed in a fixed balanced tree over k: neighbours first, then pairs of
// pairs. The order depends on K alone, so replicas get the same bits whoever computes which share.
#pragma once

#include "kernels/math/packet.h"

namespace drift {
inline namespace DRIFT_PACKETS {

// Replicas: what gives a float* for k; K below 2^kLevels.
template <class Replicas, int kLevels>
struct AverageReplicas {
  Replicas replicas;
  int count;    // K
  float scale;  // 1/K

  template <class N>
  DRIFT_HD void operator()(std::int64_t i, N n) const {
    // sums[level] holds the sum of the latest finished subtree of 2^level leaves: adding leaf k carries like adding 1
    // to a binary number.
    int levels = 0;
    while (count >> levels) ++levels;
    Packets<kLevels> sums(levels);
    for (int k = 0; k < count; ++k) {
      Packet carry = load(replicas[k] + i, n);
      int level = 0;
      for (; (k >> level) & 1; ++level) carry = sums.get(level) + carry;
      sums.set(level, carry);
    }
    int level = 0;
    while (((count >> level) & 1) == 0) ++level;
    Packet total = sums.get(level);
    for (++level; level < levels; ++level) {
      if ((count >> level) & 1) total = sums.get(level) + total;
    }
    const Packet mean = total * scale;
    for (int k = 0; k < count; ++k) store(replicas[k] + i, mean, n);
  }
};

}  // namespace DRIFT_PACKETS
}  // namespace drift
