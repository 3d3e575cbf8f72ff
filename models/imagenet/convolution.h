// The convolutions of torchvision's ResNets: square, padded so that stride 1 keeps the extent, without bias, drawn from
// N(0, 2/fan_out).
#pragma once

#include "engine/nn/conv2d.h"

namespace drift {

inline Conv2dOptions fan_out_convolution(std::int64_t size, std::int64_t in_channels, std::int64_t out_channels,
                                         std::int64_t stride) {
  return {.in_channels = in_channels,
          .out_channels = out_channels,
          .window = {.size = size, .stride = stride, .pad = size / 2},
          .fan = Fan::kOut};
}

}  // namespace drift
