// The collectives of a Communicator and what each costs on the wire: one formula for all communicators, for metrics and
// plans.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/dtype.h"

namespace drift {

enum class Collective : std::uint8_t { kAllReduceMean, kBroadcast, kBarrier };

constexpr std::string_view name_of(Collective call) {
  switch (call) {
    case Collective::kAllReduceMean:
      return "all_reduce_mean";
    case Collective::kBroadcast:
      return "broadcast";
    case Collective::kBarrier:
      return "barrier";
  }
  return "?";
}

// Bytes, rounded down, that one of K workers, each on a machine of its own, sends for a span of `elements` floats,
// which travel as `wire`:
//   all-reduce  2 (K-1)/K of the span's bytes   (reduce-scatter + all-gather)
//   broadcast     (K-1)/K                       (scatter + all-gather)
//   barrier     none
constexpr std::int64_t bytes_on_wire(Collective call, std::int64_t elements, int workers,
                                     DType wire = DType::kFloat32) {
  const std::int64_t passes = call == Collective::kAllReduceMean ? 2 : call == Collective::kBroadcast ? 1 : 0;
  return passes * (workers - 1) * elements * static_cast<std::int64_t>(size_of(wire)) / workers;
}

}  // namespace drift
