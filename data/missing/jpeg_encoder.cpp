// See jpeg_encoder.h.
#include "data/jpeg_encoder.h"

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#include <stb_image_write.h>

namespace drift {

struct JpegEncoder::Library {};

JpegEncoder::JpegEncoder() = default;
JpegEncoder::~JpegEncoder() = default;

std::span<const std::uint8_t> JpegEncoder::encode(const ImageView& image, int quality) {
  const auto [width, height] = image.size;
  file_.clear();
  const auto append = [](void* to, void* bytes, int size) {
    const auto* const begin = static_cast<const std::uint8_t*>(bytes);
    auto& file = *static_cast<std::vector<std::uint8_t>*>(to);
    file.insert(file.end(), begin, begin + size);
  };
  stbi_write_jpg_to_func(append, &file_, static_cast<int>(width), static_cast<int>(height), 3, image.pixels.data(),
                         quality);
  return file_;
}

}  // namespace drift
