// Option-A shortcut (He et al. 2016): every stride-th pixel, channels zero-padded equally in front and behind.
#pragma once

#include <cstdint>

#include "core/shape.h"
#include "kernels/math/packet.h"
#include "kernels/math/pixel.h"

namespace drift {
inline namespace DRIFT_PACKETS {

struct ShortcutGeometry {
  int stride, height, width, out_height, out_width;
  std::int64_t in_channels, out_channels;
  std::int64_t front;  // channels of zeros before x's

  static ShortcutGeometry of(std::int64_t stride, const Shape& in, const Shape& out) {
    const auto extent = [](std::int64_t n) { return static_cast<int>(n); };
    return {extent(stride), extent(in[1]), extent(in[2]), extent(out[1]),
            extent(out[2]), in[3],         out[3],        (out[3] - in[3]) / 2};
  }
  // Whether no packet of y has both zeros and channels of x, and each is a packet of x.
  bool keeps_packets() const { return (in_channels | out_channels | front) % kPacket == 0; }
};

template <class T>
struct ShortcutForwardMap {
  ShortcutGeometry g;
  const T* x;  // [N,H,W,I]
  T* y;        // [N,OH,OW,O]

  template <class N>
  DRIFT_HD void operator()(std::int64_t, std::int64_t row, std::int64_t column, N n) const {
    const Pixel out = pixel_at(row, g.out_height, g.out_width);
    const std::int64_t in_row = (out.image * g.height + out.h * g.stride) * g.width + out.w * g.stride;
    const T* from = x + in_row * g.in_channels;
    const std::int64_t first = column - g.front;  // of x's channels
    Packet values = {};
    if (first >= 0 && first + n <= g.in_channels) {
      values = load(from + first, n);
    } else if (first + n > 0 && first < g.in_channels) {
      DRIFT_UNROLL
      for (int j = 0; j < kPacket; ++j) {
        if (j < n && first + j >= 0 && first + j < g.in_channels) values[j] = to_float(from[first + j]);
      }
    }
    store(y + row * g.out_channels + column, values, n);
  }
};

template <class T>
struct ShortcutBackwardMap {
  ShortcutGeometry g;
  const T* dy;  // [N,OH,OW,O]
  T* dx;        // [N,H,W,I]

  template <class N>
  DRIFT_HD void operator()(std::int64_t, std::int64_t row, std::int64_t column, N n) const {
    const Pixel in = pixel_at(row, g.height, g.width);
    const int h = in.h / g.stride, w = in.w / g.stride;
    Packet values = {};
    if (h * g.stride == in.h && w * g.stride == in.w) {
      const std::int64_t out_row = (in.image * g.out_height + h) * g.out_width + w;
      values = load(dy + out_row * g.out_channels + g.front + column, n);
    }
    store(dx + row * g.in_channels + column, values, n);
  }
};

}  // namespace DRIFT_PACKETS
}  // namespace drift
