// Where a row of [N,H,W,C] seen as [N*H*W, C] lies in its image.
#pragma once

#include <cstdint>

#include "core/host_device.h"

namespace drift {

struct Pixel {
  std::int64_t image;
  int h, w;
};

// Pixel number `row` of images of this extent.
DRIFT_HD Pixel pixel_at(std::int64_t row, int height, int width) {
  const std::int64_t image = row / (std::int64_t{height} * width);
  const int inside = static_cast<int>(row - image * height * width);
  const int h = inside / width;
  return {image, h, inside - h * width};
}

}  // namespace drift
