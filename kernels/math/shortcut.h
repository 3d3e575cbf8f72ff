// Option-A shortcut (He et al. 2016): every stride-th pixel, channels zero-padded equally in front and behind. One row
// of the map is one pixel of its output; on a GPU the lanes of a warp share its channels.
#pragma once

#include <cstdint>

#include "kernels/math/packet.h"

namespace drift {
inline namespace DRIFT_PACKETS {

struct ShortcutGeometry {
  std::int64_t stride, height, width, out_height, out_width, in_channels, out_channels;

  DRIFT_HD std::int64_t front() const { return (out_channels - in_channels) / 2; }  // channels of zeros before x's
};

template <class T>
struct ShortcutForward {
  const T* x;  // [N,H,W,I]
  T* y;        // [N,OH,OW,O]
  ShortcutGeometry g;

  template <class Lanes>
  DRIFT_HD void operator()(std::int64_t row, const Lanes& lanes) const {
    const std::int64_t n = row / (g.out_height * g.out_width);
    const std::int64_t h = row / g.out_width % g.out_height, w = row % g.out_width;
    const T* from = x + ((n * g.height + h * g.stride) * g.width + w * g.stride) * g.in_channels;
    T* to = y + row * g.out_channels;
    const std::int64_t front = g.front(), lane = lanes.index(), step = lanes.count();
    for (std::int64_t c = lane; c < front; c += step) to[c] = T{};
    for (std::int64_t c = lane; c < g.in_channels; c += step) to[front + c] = from[c];
    for (std::int64_t c = front + g.in_channels + lane; c < g.out_channels; c += step) to[c] = T{};
  }
};

template <class T>
struct ShortcutBackward {
  const T* dy;  // [N,OH,OW,O]
  T* dx;        // [N,H,W,I]
  ShortcutGeometry g;

  template <class Lanes>
  DRIFT_HD void operator()(std::int64_t row, const Lanes& lanes) const {
    const std::int64_t n = row / (g.height * g.width), h = row / g.width % g.height, w = row % g.width;
    const std::int64_t lane = lanes.index(), step = lanes.count();
    T* to = dx + row * g.in_channels;
    if (h % g.stride != 0 || w % g.stride != 0) {
      for (std::int64_t c = lane; c < g.in_channels; c += step) to[c] = T{};
      return;
    }
    const T* from = dy + ((n * g.out_height + h / g.stride) * g.out_width + w / g.stride) * g.out_channels + g.front();
    for (std::int64_t c = lane; c < g.in_channels; c += step) to[c] = from[c];
  }
};

}  // namespace DRIFT_PACKETS
}  // namespace drift
