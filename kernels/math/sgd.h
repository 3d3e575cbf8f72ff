// SGD with momentum, coupled weight decay and Nesterov's form, in PyTorch's convention:
//   g' = g + weight_decay w;   v <- momentum v + g';   w <- w - lr (nesterov ? g' + momentum v : v)
// g is first scaled where gradients are clipped (clip.h).
#pragma once

#include "kernels/math/packet.h"

namespace drift {
inline namespace DRIFT_PACKETS {

struct SgdStep {
  const float* lr;     // in device memory
  const float* scale;  // too; nullptr: 1
  float momentum, weight_decay;
  bool nesterov;
  float* w;
  float* v;
  const float* g;

  template <class N>
  DRIFT_HD void operator()(std::int64_t i, N n) const {
    const Packet weight = load(w + i, n);
    const Packet gradient = scaled(load(g + i, n)) + weight_decay * weight;
    const Packet velocity = momentum * load(v + i, n) + gradient;
    store(v + i, velocity, n);
    store(w + i, weight - *lr * (nesterov ? gradient + momentum * velocity : velocity), n);
  }
  DRIFT_HD Packet scaled(Packet gradient) const { return scale == nullptr ? gradient : *scale * gradient; }
};

}  // namespace DRIFT_PACKETS
}  // namespace drift
