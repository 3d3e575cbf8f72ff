// Crop from the zero-padded uint8 image, mirror, normalise, cast: y = (pixel/255 - mean) / std. Padding comes before
// normalising, so the border is -mean/std. The CPU makes one row of one output image per call, a GPU one packet of
// consecutive outputs, so that neighbouring threads write neighbouring 16 bytes.
#pragma once

#include <cstdint>

#include "kernels/crop.h"
#include "kernels/math/packet.h"

namespace drift {
inline namespace DRIFT_PACKETS {

struct AugmentSource {
  const std::uint8_t* images;   // [M,H,W,3]
  const std::int32_t* indices;  // [N], or nullptr
  const Crop* crops;            // [N], or nullptr: the image as it is
  std::int64_t height, width;
  int pad;
  float mean[3], std[3];

  // Where the pixels of one row of outputs come from.
  struct Row {
    const std::uint8_t* from;
    bool inside, flip;
    std::int64_t shift, width;

    // The place in `from` of the pixel that output w shows, or -1 outside the image.
    DRIFT_HD std::int64_t source(std::int64_t w) const {
      const std::int64_t place = (flip ? width - 1 - w : w) + shift;
      return inside && place >= 0 && place < width ? place : -1;
    }
  };
  DRIFT_HD Row row(std::int64_t sample, std::int64_t out_h) const {
    const Crop crop =
        crops == nullptr ? Crop{static_cast<std::int8_t>(pad), static_cast<std::int8_t>(pad)} : crops[sample];
    const std::int64_t h = out_h + crop.dy - pad;
    const std::int64_t image = indices == nullptr ? sample : indices[sample];
    return {images + (image * height + h) * width * 3, h >= 0 && h < height, crop.flip != 0, crop.dx - pad, width};
  }
  DRIFT_HD float normalised(const Row& row, std::int64_t place, int c) const {
    const float pixel = place >= 0 ? static_cast<float>(row.from[place * 3 + c]) : 0.0f;
    return (pixel / 255.0f - of_channel(mean, c)) / of_channel(std, c);
  }
  // A subscript would put the array into a GPU thread's local memory.
  DRIFT_HD static float of_channel(const float (&values)[3], int c) {
    return c == 0 ? values[0] : c == 1 ? values[1] : values[2];
  }
};

template <class T>
struct AugmentRow {
  AugmentSource source;
  T* y;

  DRIFT_HD void operator()(std::int64_t number) const {
    const AugmentSource::Row row = source.row(number / source.height, number % source.height);
    T* to = y + number * row.width * 3;
    for (std::int64_t w = 0; w < row.width; ++w) {
      const std::int64_t place = row.source(w);
      for (int c = 0; c < 3; ++c) to[w * 3 + c] = from_float<T>(source.normalised(row, place, c));
    }
  }
};

// A packet of a row of y as [N, H, 3 W].
template <class T>
struct AugmentPacket {
  AugmentSource source;
  T* y;

  template <class N>
  DRIFT_HD void operator()(std::int64_t sample, std::int64_t number, std::int64_t column, N n) const {
    const AugmentSource::Row row = source.row(sample, number - sample * source.height);
    const int first = static_cast<int>(column);
    Packet values = {};
    DRIFT_UNROLL
    for (int j = 0; j < kPacket; ++j) {
      if (j < n) values[j] = source.normalised(row, row.source((first + j) / 3), (first + j) % 3);
    }
    store(y + number * source.width * 3 + column, values, n);
  }
};

}  // namespace DRIFT_PACKETS
}  // namespace drift
