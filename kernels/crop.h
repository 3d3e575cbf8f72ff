// Crop: how one sample of a batch is cut out of its image. Drawn by the data loader, read by the augmentation.
#pragma once

#include <cstdint>

namespace drift {

// Where the crop starts in the zero-padded image, and whether it is mirrored.
struct Crop {
  std::int8_t dy = 0, dx = 0;  // 0 .. 2 pad
  std::uint8_t flip = 0;
  std::uint8_t unused = 0;
};

}  // namespace drift
