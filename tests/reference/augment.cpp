#include "tests/reference/augment.h"

namespace drift::reference {

Array augment(const Array& images, std::span<const Crop> crops, int pad, const std::array<double, 3>& mean,
              const std::array<double, 3>& std) {
  const std::int64_t height = images.shape[1];
  const std::int64_t width = images.shape[2];
  Array y(images.shape);
  for (std::int64_t n = 0; n < images.shape[0]; ++n) {
    const auto middle = static_cast<std::int8_t>(pad);
    const Crop crop = crops.empty() ? Crop{.dy = middle, .dx = middle} : crops[static_cast<std::size_t>(n)];
    for (std::int64_t h = 0; h < height; ++h) {
      for (std::int64_t w = 0; w < width; ++w) {
        const std::int64_t from_h = h + crop.dy - pad;
        const std::int64_t from_w = (crop.flip ? width - 1 - w : w) + crop.dx - pad;
        const bool inside = from_h >= 0 && from_h < height && from_w >= 0 && from_w < width;
        for (std::int64_t c = 0; c < 3; ++c) {
          const auto channel = static_cast<std::size_t>(c);
          const double pixel = inside ? images.at(n, from_h, from_w, c) : 0;
          y.at(n, h, w, c) = (pixel / 255 - mean[channel]) / std[channel];
        }
      }
    }
  }
  return y;
}

}  // namespace drift::reference
