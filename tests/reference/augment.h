// Pad, crop, mirror, normalise: y = (pixel / 255 - mean) / std, where pixels outside the image are 0.
#pragma once

#include <array>
#include <span>

#include "kernels/crop.h"
#include "tests/reference/array.h"

namespace drift::reference {

// crops: one for each image, or none: the images as they are.
Array augment(const Array& images, std::span<const Crop> crops, int pad, const std::array<double, 3>& mean,
              const std::array<double, 3>& std);

}  // namespace drift::reference
