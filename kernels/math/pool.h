// Max and average pooling over square windows, and global average pooling. Backward gathers: each input element sums
// what the windows over it send, in window order, so there are no races and no atomics. Average pooling counts the
// padding in its divisor.
#pragma once

#include <limits>

#include "kernels/math/packet.h"

namespace drift {

struct PoolGeometry {
  std::int64_t height, width, out_height, out_width, columns;  // columns: channels
  std::int64_t size, stride, pad;
};

template <class T>
struct MaxPoolForward {
  PoolGeometry g;
  const T* x;
  T* y;
  std::uint8_t* index;

  template <class N>
  DRIFT_HD void operator()(std::int64_t, std::int64_t row, std::int64_t column, N n) const {
    using Indices = std::int32_t __attribute__((vector_size(4 * kPacket)));
    using Bytes = std::uint8_t __attribute__((vector_size(kPacket)));
    const std::int64_t image = row / (g.out_height * g.out_width);
    const std::int64_t top = row / g.out_width % g.out_height * g.stride - g.pad;
    const std::int64_t left = row % g.out_width * g.stride - g.pad;
    Packet best = broadcast(-std::numeric_limits<float>::infinity());
    Indices winner = Indices{} - 1;
    for (std::int64_t k = 0; k < g.size * g.size; ++k) {
      const std::int64_t h = top + k / g.size, w = left + k % g.size;
      if (h < 0 || h >= g.height || w < 0 || w >= g.width) continue;
      const Packet value = load(x + ((image * g.height + h) * g.width + w) * g.columns + column, n);
      const Indices better =
          (value > best) | (winner < 0);  // the first real element wins over nothing, even if it is -infinity
      best = better ? value : best;
      winner = better ? Indices{} + static_cast<std::int32_t>(k) : winner;
    }
    store(y + row * g.columns + column, best, n);
    const Bytes bytes = __builtin_convertvector(winner, Bytes);
    std::memcpy(index + row * g.columns + column, &bytes, static_cast<std::size_t>(n));
  }
};

template <class T>
struct AveragePoolForward {
  PoolGeometry g;
  const T* x;
  T* y;

  template <class N>
  DRIFT_HD void operator()(std::int64_t, std::int64_t row, std::int64_t column, N n) const {
    const std::int64_t image = row / (g.out_height * g.out_width);
    const std::int64_t top = row / g.out_width % g.out_height * g.stride - g.pad;
    const std::int64_t left = row % g.out_width * g.stride - g.pad;
    Packet sum = {};
    for (std::int64_t k = 0; k < g.size * g.size; ++k) {
      const std::int64_t h = top + k / g.size, w = left + k % g.size;
      if (h < 0 || h >= g.height || w < 0 || w >= g.width) continue;
      sum += load(x + ((image * g.height + h) * g.width + w) * g.columns + column, n);
    }
    store(y + row * g.columns + column, sum / static_cast<float>(g.size * g.size), n);
  }
};

// One input element's gradient from all windows that cover it. index == nullptr: average pooling.
template <class T>
struct PoolBackwardGather {
  PoolGeometry g;
  const T* dy;
  const std::uint8_t* index;
  T* dx;

  template <class N>
  DRIFT_HD void operator()(std::int64_t, std::int64_t row, std::int64_t column, N n) const {
    const std::int64_t image = row / (g.height * g.width), h = row / g.width % g.height, w = row % g.width;
    Packet sum = {};
    for (std::int64_t k = 0; k < g.size * g.size; ++k) {
      const std::int64_t top = h - k / g.size + g.pad,
                         left = w - k % g.size + g.pad;  // of the window in which we are number k
      if (top < 0 || left < 0 || top % g.stride != 0 || left % g.stride != 0) continue;
      const std::int64_t oh = top / g.stride, ow = left / g.stride;
      if (oh >= g.out_height || ow >= g.out_width) continue;
      const std::int64_t i = ((image * g.out_height + oh) * g.out_width + ow) * g.columns + column;
      const Packet value = load(dy + i, n);
      if (index == nullptr) {
        sum += value;
      } else {
        for (int j = 0; j < n; ++j) sum[j] += index[i + j] == k ? value[j] : 0.0f;
      }
    }
    if (index == nullptr) sum /= static_cast<float>(g.size * g.size);
    store(dx + row * g.columns + column, sum, n);
  }
};

// Sums over the rows of a segment: an image's pixels for global average pooling, all rows for a bias gradient.
template <class T>
struct PlainSums {
  static constexpr int kSums = 1;
  const T* x;
  std::int64_t columns;

  template <class N>
  DRIFT_HD void terms(std::int64_t, std::int64_t row, std::int64_t column, N n, Packet (&sums)[kSums]) const {
    sums[0] += load(x + row * columns + column, n);
  }
};

template <class T>
struct GlobalAveragePoolBackward {
  const T* dy;  // [segments, C]
  T* dx;
  float scale;  // 1 / (H W)
  std::int64_t columns;

  template <class N>
  DRIFT_HD void operator()(std::int64_t segment, std::int64_t row, std::int64_t column, N n) const {
    store(dx + row * columns + column, load(dy + segment * columns + column, n) * scale, n);
  }
};

}  // namespace drift
