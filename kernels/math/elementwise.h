// Maps over flat arrays: addition, ReLU, SiLU (x * sigmoid(x)), casts, fill.
#pragma once

#include "kernels/math/exponential.h"

namespace drift {
inline namespace DRIFT_PACKETS {

template <class T>
struct AddMap {
  const T* a;
  const T* b;
  T* y;
  template <class N>
  DRIFT_HD void operator()(std::int64_t i, N n) const {
    store(y + i, load(a + i, n) + load(b + i, n), n);
  }
};

template <class T>
struct ReluForward {
  const T* x;
  T* y;
  template <class N>
  DRIFT_HD void operator()(std::int64_t i, N n) const {
    const Packet value = load(x + i, n);
    store(y + i, keep(value, passing_bits(value, n)), n);
  }
};

template <class T>
struct ReluBackward {
  const T* y;
  const T* dy;
  T* dx;
  template <class N>
  DRIFT_HD void operator()(std::int64_t i, N n) const {
    store(dx + i, relu_gradient(load(y + i, n), load(dy + i, n)), n);
  }
};

DRIFT_HD Packet sigmoid(Packet x) {
  return 1.0f / (1.0f + exponential(-x));
}

template <class T>
struct SiluForward {
  const T* x;
  T* y;
  template <class N>
  DRIFT_HD void operator()(std::int64_t i, N n) const {
    const Packet value = load(x + i, n);
    store(y + i, value * sigmoid(value), n);
  }
};

// d silu / dx = s (1 + x (1 - s)), s = sigmoid(x).
template <class T>
struct SiluBackward {
  const T* x;
  const T* dy;
  T* dx;
  template <class N>
  DRIFT_HD void operator()(std::int64_t i, N n) const {
    const Packet value = load(x + i, n);
    const Packet s = sigmoid(value);
    store(dx + i, load(dy + i, n) * (s * (1.0f + value * (1.0f - s))), n);
  }
};

template <class From, class To>
struct CastMap {
  const From* x;
  To* y;
  template <class N>
  DRIFT_HD void operator()(std::int64_t i, N n) const {
    store(y + i, load(x + i, n), n);
  }
};

template <class T>
struct FillMap {
  T* y;
  float value;
  template <class N>
  DRIFT_HD void operator()(std::int64_t i, N n) const {
    store(y + i, broadcast(value), n);
  }
};

}  // namespace DRIFT_PACKETS
}  // namespace drift
