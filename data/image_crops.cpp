#include "data/image_crops.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace drift {
namespace {

// Halves to even, as Python rounds.
std::int64_t nearest(double x) {
  return std::llrint(x);
}

Box in_the_middle(const ImageSize& image, const ImageSize& part) {
  return {(image.width - part.width) / 2, (image.height - part.height) / 2, part.width, part.height};
}

}  // namespace

Box draw_resized_crop(const Rng& rng, const ImageSize& image, const CropDistribution& distribution) {
  const auto width = static_cast<double>(image.width), height = static_cast<double>(image.height);
  const double log_min = std::log(distribution.ratio_min), log_max = std::log(distribution.ratio_max);
  for (std::uint64_t draw = 0; draw < kCropDraws; draw += 4) {
    const double share =
        distribution.area_min + (distribution.area_max - distribution.area_min) * double{rng.uniform(draw)};
    const double ratio = std::exp(log_min + (log_max - log_min) * double{rng.uniform(draw + 1)});
    const double area = width * height * share;
    const std::int64_t w = nearest(std::sqrt(area * ratio)), h = nearest(std::sqrt(area / ratio));
    if (w <= 0 || w > image.width || h <= 0 || h > image.height) continue;
    return {rng.below(draw + 3, static_cast<std::uint32_t>(image.width - w + 1)),
            rng.below(draw + 2, static_cast<std::uint32_t>(image.height - h + 1)), w, h};
  }
  const double ratio = width / height;
  if (ratio < distribution.ratio_min) {
    return in_the_middle(image, {image.width, std::max<std::int64_t>(nearest(width / distribution.ratio_min), 1)});
  }
  if (ratio > distribution.ratio_max) {
    return in_the_middle(image, {std::max<std::int64_t>(nearest(height * distribution.ratio_max), 1), image.height});
  }
  return {0, 0, image.width, image.height};
}

bool draw_mirror(const Rng& rng) {
  return rng.below(kCropDraws, 2) == 1;
}

Resize draw_resize(const Rng& rng, const ImageSize& image, const ImageSize& size) {
  Resize resize = Resize::whole(draw_resized_crop(rng, image), size);
  resize.mirrored = draw_mirror(rng);
  return resize;
}

Resize resize_and_centre_crop(const ImageSize& image, std::int64_t short_side, std::int64_t side) {
  DRIFT_ASSERT(side > 0 && side <= short_side && image.width > 0 && image.height > 0,
               "{}x{} to a short side of {}, of that {}", image.width, image.height, short_side, side);
  const bool upright = image.width <= image.height;
  const std::int64_t longer =
      upright ? short_side * image.height / image.width : short_side * image.width / image.height;
  const ImageSize size = upright ? ImageSize{short_side, longer} : ImageSize{longer, short_side};
  const auto offset = [side](std::int64_t extent) { return nearest(static_cast<double>(extent - side) / 2); };
  return {{0, 0, image.width, image.height}, size, {offset(size.width), offset(size.height), side, side}};
}

}  // namespace drift
