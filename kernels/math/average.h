// The sum of K sources times a scale, element by element, in a fixed balanced tree over k: neighbours first, then pairs
// of pairs. The order depends on K alone, so every target gets the same bits whoever computes which share. All
// sources of an element are read before a target is written: a target may be a source. T: the type that each source,
// each sum and the result is rounded to.
#pragma once

#include <bit>

#include "kernels/math/packet.h"

namespace drift {
inline namespace DRIFT_PACKETS {

// Sources, Targets: what gives a pointer for a number; K below 2^kLevels.
template <class T, class Sources, class Targets, int kLevels>
struct AverageTree {
  Sources sources;
  Targets targets;
  int count;  // K
  int target_count;
  float scale;  // 1/K for the mean

  template <class N>
  DRIFT_HD void operator()(std::int64_t i, N n) const {
    // sums[level] holds the sum of the latest finished subtree of 2^level leaves: adding leaf k carries like adding 1
    // to a binary number.
    int levels = 0;
    while (count >> levels) ++levels;
    Packets<kLevels> sums(levels);
    for (int k = 0; k < count; ++k) {
      Packet carry = rounded_to<T>(load(sources[k] + i, n));
      int level = 0;
      for (; (k >> level) & 1; ++level) carry = rounded_to<T>(sums.get(level) + carry);
      sums.set(level, carry);
    }
    int level = 0;
    while (((count >> level) & 1) == 0) ++level;
    Packet total = sums.get(level);
    for (++level; level < levels; ++level) {
      if ((count >> level) & 1) total = rounded_to<T>(sums.get(level) + total);
    }
    const Packet mean = rounded_to<T>(total * scale);
    for (int k = 0; k < target_count; ++k) store(targets[k] + i, mean, n);
  }
};

// The same for a K that the compiler knows: the tree is one expression, without levels that are looked up.
template <class T, int kCount, class Sources, class Targets>
struct KnownAverageTree {
  Sources sources;
  Targets targets;
  int target_count;
  float scale;

  // Of sources [kFirst, kFirst + kSize): the largest power of two of them, then the rest.
  template <int kFirst, int kSize, class N>
  DRIFT_HD Packet sum(std::int64_t i, N n) const {
    if constexpr (kSize == 1) {
      return rounded_to<T>(load(sources[kFirst] + i, n));
    } else {
      constexpr int kHalf = static_cast<int>(std::bit_floor(static_cast<unsigned>(kSize - 1)));
      return rounded_to<T>(sum<kFirst, kHalf>(i, n) + sum<kFirst + kHalf, kSize - kHalf>(i, n));
    }
  }
  template <class N>
  DRIFT_HD void operator()(std::int64_t i, N n) const {
    const Packet mean = rounded_to<T>(sum<0, kCount>(i, n) * scale);
    for (int k = 0; k < target_count; ++k) store(targets[k] + i, mean, n);
  }
};

}  // namespace DRIFT_PACKETS
}  // namespace drift
