// Batch normalisation over the rows of a [rows, C] matrix (NHWC), forward and backward (Ioffe and Szegedy 2015), with
// the ReLU and the residual addition that surround it in a residual block. Each direction is one pass of column sums
// and one map. The statistics are sums of x - shift, where the shift is near the mean, so that a large mean does not
// cancel the variance.
#pragma once

#include "kernels/math/packet.h"

namespace drift {
inline namespace DRIFT_PACKETS {

// Sums of (x - shift) and (x - shift)^2; shift [segments, C].
template <class T>
struct MomentSums {
  static constexpr int kSums = 2;
  const T* x;
  const float* shift;
  std::int64_t columns;

  template <class N>
  DRIFT_HD void terms(std::int64_t segment, std::int64_t row, std::int64_t column, N n, Packet (&sums)[kSums]) const {
    const Packet d = load(x + row * columns + column, n) - load(shift + segment * columns + column, n);
    sums[0] += d;
    sums[1] += d * d;
  }
};

// y = (x - mean) * scale + beta [+ z] [ReLU, with its mask]; mean and scale [segments, C], scale = gamma * inv_std.
template <class T>
struct NormApply {
  const T* x;
  const T* z;  // or nullptr
  const float* mean;
  const float* scale;
  const float* beta;
  T* y;
  std::uint8_t* mask;  // or nullptr
  bool relu;
  std::int64_t columns;

  template <class N>
  DRIFT_HD void operator()(std::int64_t segment, std::int64_t row, std::int64_t column, N n) const {
    const std::int64_t i = row * columns + column;
    const std::int64_t s = segment * columns + column;
    Packet value = (load(x + i, n) - load(mean + s, n)) * load(scale + s, n) + load(beta + column, n);
    if (z != nullptr) value += load(z + i, n);
    if (relu) {
      const PacketBits passes = passing_bits(value, n);
      value = keep(value, passes);
      if (mask != nullptr) store_bits(mask + row * mask_row_bytes(columns), column, passes, n);
    }
    store(y + i, value, n);
  }
};

// g = (dy + dy2) * mask, what reaches the normalisation from above.
template <class T>
struct MaskedGradient {
  const T* dy;
  const T* dy2;              // or nullptr
  const std::uint8_t* mask;  // or nullptr
  std::int64_t columns;

  template <class N>
  DRIFT_HD Packet operator()(std::int64_t row, std::int64_t column, N n) const {
    const std::int64_t i = row * columns + column;
    Packet g = load(dy + i, n);
    if (dy2 != nullptr) g += load(dy2 + i, n);
    if (mask != nullptr) g = times_bits(g, load_bits(mask + row * mask_row_bytes(columns), column, n));
    return g;
  }
};

// Sums of g and g * (x - mean); writes g to dz on the way, if asked. mean [segments, C].
template <class T>
struct NormBackwardSums {
  static constexpr int kSums = 2;
  MaskedGradient<T> gradient;
  const T* x;
  const float* mean;
  T* dz;  // or nullptr
  std::int64_t columns;

  template <class N>
  DRIFT_HD void terms(std::int64_t segment, std::int64_t row, std::int64_t column, N n, Packet (&sums)[kSums]) const {
    const std::int64_t i = row * columns + column;
    Packet g = gradient(row, column, n);
    if (dz != nullptr) {
      store(dz + i, g, n);
      g = rounded_to<T>(g);
    }
    sums[0] += g;
    sums[1] += g * (load(x + i, n) - load(mean + segment * columns + column, n));
  }
};

// With frozen statistics: dx = a g, a = gamma inv_std [C].
template <class T>
struct FrozenNormBackwardApply {
  MaskedGradient<T> gradient;
  const float* a;
  T* dx;
  std::int64_t columns;

  template <class N>
  DRIFT_HD void operator()(std::int64_t, std::int64_t row, std::int64_t column, N n) const {
    store(dx + row * columns + column, load(a + column, n) * gradient(row, column, n), n);
  }
};

// dx = a g - b - c (x - mean), all four [segments, C]: batch norm has a = gamma inv_std, b = a dbeta/rows, c = a
// inv_std dgamma/rows.
template <class T>
struct NormBackwardApply {
  MaskedGradient<T> gradient;
  const T* x;
  const float* mean;
  const float* a;
  const float* b;
  const float* c;
  T* dx;
  std::int64_t columns;

  template <class N>
  DRIFT_HD void operator()(std::int64_t segment, std::int64_t row, std::int64_t column, N n) const {
    const std::int64_t i = row * columns + column;
    const std::int64_t s = segment * columns + column;
    const Packet centred = load(x + i, n) - load(mean + s, n);
    store(dx + i, load(a + s, n) * gradient(row, column, n) - load(b + s, n) - load(c + s, n) * centred, n);
  }
};

}  // namespace DRIFT_PACKETS
}  // namespace drift
