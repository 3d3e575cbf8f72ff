#include "data/transform.h"

#include <algorithm>

#include "data/image_header.h"

namespace drift {

Transform::Transform(const OutputSizes& sizes, JpegLibrary library) : sizes_(sizes), decoder_(library) {}

int Transform::shrink_for(const Resize& resize) {
  const auto keeps_enough = [&](int shrink) {
    const std::int64_t least = shrink * kShrinkKeeps;
    return resize.box.width >= least * resize.size.width && resize.box.height >= least * resize.size.height;
  };
  int shrink = 1;
  while (shrink < kShrinkMax && keeps_enough(2 * shrink)) shrink *= 2;
  return shrink;
}

void Transform::evaluation(std::span<const std::uint8_t> encoded, std::span<std::uint8_t> image) {
  const ImageHeader header = read_image_header(encoded);
  run(encoded, header, resize_and_centre_crop(header.size, sizes_.short_side, sizes_.side), image);
}

void Transform::training(std::span<const std::uint8_t> encoded, const Rng& rng, std::span<std::uint8_t> image) {
  const ImageHeader header = read_image_header(encoded);
  run(encoded, header, draw_resize(rng, header.size, {sizes_.side, sizes_.side}), image);
}

void Transform::run(std::span<const std::uint8_t> encoded, const ImageHeader& header, const Resize& resize,
                    std::span<std::uint8_t> image) {
  const DecodedImage decoded = decoder_.decode(encoded, header, shrink_for(resize), resize.box);
  resizer_.run(decoded.image, decoded.of_this(resize), image);
}

}  // namespace drift
