// Which part of an image of any size the network sees, as in torchvision: RandomResizedCrop in training (Szegedy et al.
// 2015), Resize and CenterCrop in evaluation.
#pragma once

#include "core/rng.h"
#include "data/resize.h"

namespace drift {

// Of a crop: its share of the image's area, and its width over its height, whose logarithm is uniform.
struct CropDistribution {
  double area_min = 0.08, area_max = 1;
  double ratio_min = 3.0 / 4, ratio_max = 4.0 / 3;
};

// Up to ten draws; where none fits into the image, the largest crop in the middle whose ratio is allowed. The numbers
// of the stream that it takes end before kCropDraws.
inline constexpr std::uint64_t kCropDraws = 40;
Box draw_resized_crop(const Rng& rng, const ImageSize& image, const CropDistribution& distribution = {});

// Whether what the same stream cut out is mirrored, which half of all is.
bool draw_mirror(const Rng& rng);
// Both, brought to a size.
Resize draw_resize(const Rng& rng, const ImageSize& image, const ImageSize& size);

// The shorter side becomes short_side, and of that the middle is kept, side x side pixels. 0 < side <= short_side.
Resize resize_and_centre_crop(const ImageSize& image, std::int64_t short_side, std::int64_t side);

}  // namespace drift
