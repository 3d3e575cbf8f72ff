// Max and average pooling over square windows, and global average pooling. Backward gathers: each input element sums
// what the windows over it send, in window order, so there are no races and no atomics. Average pooling counts the
// padding in its divisor.
#pragma once

#include <cstdint>

#include "kernels/math/packet.h"
#include "kernels/math/pixel.h"
#include "kernels/op.h"

namespace drift {
inline namespace DRIFT_PACKETS {

struct PoolGeometry {
  int height, width, out_height, out_width, size, stride, pad;
  std::int64_t columns;  // channels

  static PoolGeometry of(const Window& window, const Shape& in, const Shape& out) {
    const auto extent = [](std::int64_t n) { return static_cast<int>(n); };
    return {extent(in[1]),       extent(in[2]),         extent(out[1]),     extent(out[2]),
            extent(window.size), extent(window.stride), extent(window.pad), in[3]};
  }
};

// visit(k, row) for the pixels of an output's window that lie inside the image, k counting the window's places.
template <class Visit>
DRIFT_HD void visit_window(const PoolGeometry& g, std::int64_t out_row, const Visit& visit) {
  const Pixel out = pixel_at(out_row, g.out_height, g.out_width);
  const int top = out.h * g.stride - g.pad, left = out.w * g.stride - g.pad;
  const int begin_h = top < 0 ? -top : 0, end_h = top + g.size > g.height ? g.height - top : g.size;
  const int begin_w = left < 0 ? -left : 0, end_w = left + g.size > g.width ? g.width - left : g.size;
  for (int kh = begin_h; kh < end_h; ++kh) {
    const std::int64_t first = (out.image * g.height + top + kh) * g.width + left;
    for (int kw = begin_w; kw < end_w; ++kw) visit(kh * g.size + kw, first + kw);
  }
}

// The k that visit_window begins with.
DRIFT_HD int first_place(const PoolGeometry& g, std::int64_t out_row) {
  const Pixel out = pixel_at(out_row, g.out_height, g.out_width);
  const int top = out.h * g.stride - g.pad, left = out.w * g.stride - g.pad;
  return (top < 0 ? -top : 0) * g.size + (left < 0 ? -left : 0);
}

// visit(k, out_row) for the windows that cover a pixel, which is number k in them; k ascends.
template <class Visit>
DRIFT_HD void visit_windows_over(const PoolGeometry& g, std::int64_t row, const Visit& visit) {
  const Pixel in = pixel_at(row, g.height, g.width);
  const int h = in.h + g.pad, w = in.w + g.pad;
  for (int oh = h / g.stride; oh >= 0 && h - oh * g.stride < g.size; --oh) {
    if (oh >= g.out_height) continue;
    for (int ow = w / g.stride; ow >= 0 && w - ow * g.stride < g.size; --ow) {
      if (ow >= g.out_width) continue;
      visit((h - oh * g.stride) * g.size + w - ow * g.stride, (in.image * g.out_height + oh) * g.out_width + ow);
    }
  }
}

template <class T>
struct MaxPoolForward {
  PoolGeometry g;
  const T* x;
  T* y;
  std::uint8_t* index;

  template <class N>
  DRIFT_HD void operator()(std::int64_t, std::int64_t row, std::int64_t column, N n) const {
    PacketMaximum largest(first_place(g, row));
    visit_window(g, row, [&](int k, std::int64_t from) { largest.take(load(x + from * g.columns + column, n), k); });
    store(y + row * g.columns + column, largest.value, n);
    largest.store_places(index + row * g.columns + column, n);
  }
};

template <class T>
struct AveragePoolForward {
  PoolGeometry g;
  const T* x;
  T* y;

  template <class N>
  DRIFT_HD void operator()(std::int64_t, std::int64_t row, std::int64_t column, N n) const {
    Packet sum = {};
    visit_window(g, row, [&](int, std::int64_t from) { sum += load(x + from * g.columns + column, n); });
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
    Packet sum = {};
    visit_windows_over(g, row, [&](int k, std::int64_t out_row) {
      const std::int64_t i = out_row * g.columns + column;
      const Packet value = load(dy + i, n);
      sum = index == nullptr ? sum + value : add_where(sum, value, index + i, k, n);
    });
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

// The end of a global average: [segments, C] means from sums over `rows` pixels.
template <class T>
struct StoreMean {
  T* y;
  std::int64_t columns;
  double rows;

  DRIFT_HD void operator()(std::int64_t segment, std::int64_t column, const double (&totals)[1]) const {
    y[segment * columns + column] = from_float<T>(static_cast<float>(totals[0] / rows));
  }
};

// The end of a bias gradient.
struct StoreTotal {
  float* y;

  DRIFT_HD void operator()(std::int64_t, std::int64_t column, const double (&totals)[1]) const {
    y[column] = static_cast<float>(totals[0]);
  }
};

template <class T>
struct GlobalAveragePoolBackwardMap {
  const T* dy;  // [segments, C]
  T* dx;
  float scale;  // 1 / (H W)
  std::int64_t columns;

  template <class N>
  DRIFT_HD void operator()(std::int64_t segment, std::int64_t row, std::int64_t column, N n) const {
    store(dx + row * columns + column, load(dy + segment * columns + column, n) * scale, n);
  }
};

}  // namespace DRIFT_PACKETS
}  // namespace drift
