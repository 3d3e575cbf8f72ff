#include "data/pack_encoder.h"

#include <algorithm>

#include "core/check.h"
#include "data/image_crops.h"
#include "data/image_header.h"

namespace drift {

std::span<const std::uint8_t> PackEncoder::encode(std::span<const std::uint8_t> file) {
  const ImageHeader header = read_image_header(file);
  const bool smaller = std::min(header.size.width, header.size.height) > options_.short_side;
  const Box whole{0, 0, header.size.width, header.size.height};
  // Also where it stays as it is: whoever trains will have to.
  const DecodedImage decoded = decoder_.decode(file, header, /*shrink=*/1, whole);
  if (options_.jpeg_quality && header.format == ImageFormat::kJpeg && !smaller) return file;
  const ImageView image = resized(decoded.image, smaller);
  if (options_.jpeg_quality) {
    DRIFT_CHECK(kData, std::max(image.size.width, image.size.height) <= kJpegSideMax,
                "{}x{} pixels are more than a JPEG file has", image.size.width, image.size.height);
    return jpeg_.encode(image, *options_.jpeg_quality);
  }
  const auto start = raw_image_start(image.size);
  encoded_.assign(start.begin(), start.end());
  encoded_.insert(encoded_.end(), image.pixels.begin(), image.pixels.end());
  return encoded_;
}

ImageView PackEncoder::resized(const ImageView& image, bool smaller) {
  if (!smaller) return image;
  const Resize resize = resize_and_centre_crop(image.size, options_.short_side, options_.short_side);
  pixels_.resize(static_cast<std::size_t>(resize.size.width * resize.size.height * 3));
  resizer_.run(image, Resize::whole(resize.box, resize.size), pixels_);
  return {pixels_, resize.size};
}

}  // namespace drift
