// Crop from the zero-padded uint8 image, mirror, normalise, cast: y = (pixel/255 - mean) / std. Padding comes before
// normalising, so the border is -mean/std. One call makes one row of one output image.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "kernels/args.h"

namespace drift {

DRIFT_HD float normalised(float pixel, float mean, float std) {
  return (pixel / 255.0f - mean) / std;
}

template <class T>
struct AugmentRow {
  const std::uint8_t* images;  // [N,H,W,3]
  T* y;
  const Crop* crops;
  std::int64_t height, width;
  int pad;
  float mean[3], std[3];

  DRIFT_HD void operator()(std::int64_t row) const {
    const Crop crop = crops[row / height];
    const std::int64_t h = row % height + crop.dy - pad;
    const std::uint8_t* from = images + (row / height * height + h) * width * 3;
    T* to = y + row * width * 3;
    for (std::int64_t w = 0; w < width; ++w) {
      const std::int64_t source = (crop.flip ? width - 1 - w : w) + crop.dx - pad;
      const bool inside = h >= 0 && h < height && source >= 0 && source < width;
      for (int c = 0; c < 3; ++c) {
        const float pixel = inside ? static_cast<float>(from[source * 3 + c]) : 0.0f;
        to[w * 3 + c] = from_float<T>(normalised(pixel, mean[c], std[c]));
      }
    }
  }
};

}  // namespace drift
