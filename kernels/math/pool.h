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

// The pixels of an output's window that lie inside the image.
struct WindowPixels {
  std::int64_t first;  // row of the window's corner, be it outside
  int begin_h, end_h, begin_w, end_w;

  DRIFT_HD static WindowPixels of(const PoolGeometry& g, std::int64_t out_row) {
    const Pixel out = pixel_at(out_row, g.out_height, g.out_width);
    const int top = out.h * g.stride - g.pad, left = out.w * g.stride - g.pad;
    return {(out.image * g.height + top) * g.width + left, top < 0 ? -top : 0,
            top + g.size > g.height ? g.height - top : g.size, left < 0 ? -left : 0,
            left + g.size > g.width ? g.width - left : g.size};
  }
  // visit(k, row), k counting the window's places.
  template <class Visit>
  DRIFT_HD void each(const PoolGeometry& g, const Visit& visit) const {
    for (int kh = begin_h; kh < end_h; ++kh) {
      for (int kw = begin_w; kw < end_w; ++kw) visit(kh * g.size + kw, first + std::int64_t{kh} * g.width + kw);
    }
  }
  // The k that each() begins with.
  DRIFT_HD int first_place(const PoolGeometry& g) const { return begin_h * g.size + begin_w; }
};

// The windows that cover a pixel: from the last one's place in it down and to the right.
struct WindowsOver {
  std::int64_t last;     // output row of the window that the pixel lies topmost and leftmost in
  int place_h, place_w;  // the pixel's place in that one
  int count_h, count_w;  // of windows

  DRIFT_HD static WindowsOver of(const PoolGeometry& g, std::int64_t row) {
    const Pixel in = pixel_at(row, g.height, g.width);
    const Along h = along(in.h + g.pad, g.out_height, g), w = along(in.w + g.pad, g.out_width, g);
    return {(in.image * g.out_height + h.last) * g.out_width + w.last, h.place, w.place, h.count, w.count};
  }
  // visit(k, out_row) for the windows, which the pixel is number k in; k ascends.
  template <class Visit>
  DRIFT_HD void each(const PoolGeometry& g, const Visit& visit) const {
    for (int i = 0; i < count_h; ++i) {
      const int place = (place_h + i * g.stride) * g.size + place_w;
      const std::int64_t row = last - std::int64_t{i} * g.out_width;
      DRIFT_ROLLED
      for (int j = 0; j < count_w; ++j) visit(place + j * g.stride, row - j);
    }
  }

 private:
  struct Along {
    int last, place, count;
  };
  // at: in the padded image.
  DRIFT_HD static Along along(int at, int windows, const PoolGeometry& g) {
    const int last = at / g.stride < windows ? at / g.stride : windows - 1;
    const int place = at - last * g.stride;
    const int fitting = place < g.size ? (g.size - 1 - place) / g.stride + 1 : 0;
    return {last, place, fitting < last + 1 ? fitting : last + 1};
  }
};

// Each map finds out where a row's windows lie, at(row), once for all its packets on a CPU; a thread of a GPU has one.
template <class T>
struct MaxPoolForward {
  PoolGeometry g;
  const T* x;
  T* y;
  std::uint8_t* index;

  DRIFT_HD WindowPixels at(std::int64_t row) const { return WindowPixels::of(g, row); }
  template <class N>
  DRIFT_HD void operator()(const WindowPixels& window, std::int64_t row, std::int64_t column, N n) const {
    PacketMaximum largest(window.first_place(g));
    window.each(g, [&](int k, std::int64_t from) { largest.take(load(x + from * g.columns + column, n), k); });
    store(y + row * g.columns + column, largest.value, n);
    largest.store_places(index + row * g.columns + column, n);
  }
};

template <class T>
struct AveragePoolForward {
  PoolGeometry g;
  const T* x;
  T* y;

  DRIFT_HD WindowPixels at(std::int64_t row) const { return WindowPixels::of(g, row); }
  template <class N>
  DRIFT_HD void operator()(const WindowPixels& window, std::int64_t row, std::int64_t column, N n) const {
    Packet sum = {};
    window.each(g, [&](int, std::int64_t from) { sum += load(x + from * g.columns + column, n); });
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

  DRIFT_HD WindowsOver at(std::int64_t row) const { return WindowsOver::of(g, row); }
  template <class N>
  DRIFT_HD void operator()(const WindowsOver& windows, std::int64_t row, std::int64_t column, N n) const {
    Packet sum = {};
    windows.each(g, [&](int k, std::int64_t out_row) {
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
