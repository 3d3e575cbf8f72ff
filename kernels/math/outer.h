// The outer optimizer's step, by the way that the average of a round went (OuterUpdate in kernels/op.h). Written so
// that with rate 1 and no momentum w is left as it is, bit for bit: what is taken from it is then 0.
#pragma once

#include "kernels/math/packet.h"

namespace drift {
inline namespace DRIFT_PACKETS {

struct OuterStep {
  float lr, momentum;
  bool nesterov;
  float* w;
  float* v;
  const float* start;

  template <class N>
  DRIFT_HD void operator()(std::int64_t i, N n) const {
    const Packet mean = load(w + i, n);
    const Packet way = mean - load(start + i, n);
    const Packet velocity = momentum == 0 ? way : momentum * load(v + i, n) + way;
    store(v + i, velocity, n);
    store(w + i, mean - (way - lr * (nesterov ? way + momentum * velocity : velocity)), n);
  }
};

}  // namespace DRIFT_PACKETS
}  // namespace drift
