#include "data/dataset.h"

#include "core/checked_file.h"
#include "data/image_crops.h"

namespace drift {

bool Dataset::read_crop(std::int64_t index, const Rng& rng, std::span<std::uint8_t> image) const {
  std::vector<std::uint8_t> whole(image.size());
  if (!read_image(index, whole)) return false;
  const ImageSize size{.width = image_shape()[1], .height = image_shape()[0]};
  Resizer resizer;
  resizer.run({whole, size}, draw_resize(rng, size, size), image);
  return true;
}

void Dataset::identify(RunningDigest& digest) const {
  std::vector<std::uint8_t> image(static_cast<std::size_t>(image_shape().elements()));
  for (std::int64_t index = 0; index < size(); ++index) {
    const std::int32_t its_label = label(index);
    digest.add(std::as_bytes(std::span(&its_label, 1)));
    if (read_image(index, image)) digest.add(std::as_bytes(std::span(image)));
  }
}

}  // namespace drift
