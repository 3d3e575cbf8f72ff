// What is left of values that travel as bfloat16 (Compress in kernels/op.h). The error is exact: d and what it is
// rounded to differ by what its last bits say.
#pragma once

#include "kernels/math/packet.h"

namespace drift {
inline namespace DRIFT_PACKETS {

struct CompressStep {
  float* x;
  const float* start;  // nullptr: 0
  float* error;        // too

  template <class N>
  DRIFT_HD void operator()(std::int64_t i, N n) const {
    Packet d = load(x + i, n);
    if (start != nullptr) d = d - load(start + i, n);
    if (error != nullptr) d = d + load(error + i, n);
    const Packet sent = rounded_to<BFloat16>(d);
    if (error != nullptr) store(error + i, d - sent, n);
    store(x + i, sent, n);
  }
};

}  // namespace DRIFT_PACKETS
}  // namespace drift
