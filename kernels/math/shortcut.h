// Option-A shortcut (He et al. 2016): every stride-th pixel, channels zero-padded equally in front and behind. One row
// of the map is one pixel of its output.
#pragma once

#include <cstdint>

#include "core/host_device.h"

namespace drift {

template <class T>
struct ShortcutForward {
  const T* x;  // [N,H,W,I]
  T* y;        // [N,OH,OW,O]
  std::int64_t stride, height, width, out_height, out_width, in_channels, out_channels;

  DRIFT_HD void operator()(std::int64_t row) const {
    const std::int64_t n = row / (out_height * out_width), h = row / out_width % out_height, w = row % out_width;
    const T* from = x + ((n * height + h * stride) * width + w * stride) * in_channels;
    T* to = y + row * out_channels;
    const std::int64_t front = (out_channels - in_channels) / 2;
    for (std::int64_t c = 0; c < front; ++c) to[c] = T{};
    for (std::int64_t c = 0; c < in_channels; ++c) to[front + c] = from[c];
    for (std::int64_t c = front + in_channels; c < out_channels; ++c) to[c] = T{};
  }
};

template <class T>
struct ShortcutBackward {
  const T* dy;  // [N,OH,OW,O]
  T* dx;        // [N,H,W,I]
  std::int64_t stride, height, width, out_height, out_width, in_channels, out_channels;

  DRIFT_HD void operator()(std::int64_t row) const {
    const std::int64_t n = row / (height * width), h = row / width % height, w = row % width;
    T* to = dx + row * in_channels;
    if (h % stride != 0 || w % stride != 0) {
      for (std::int64_t c = 0; c < in_channels; ++c) to[c] = T{};
      return;
    }
    const std::int64_t front = (out_channels - in_channels) / 2;
    const T* from = dy + ((n * out_height + h / stride) * out_width + w / stride) * out_channels + front;
    for (std::int64_t c = 0; c < in_channels; ++c) to[c] = from[c];
  }
};

}  // namespace drift
