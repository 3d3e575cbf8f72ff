// JPEG encoding, colours at half the resolution: by libjpeg-turbo or, in missing/, by stb_image_write.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "data/resize.h"

namespace drift {

inline constexpr std::int64_t kJpegSideMax = 65'500;  // pixels

class JpegEncoder {
 public:
  JpegEncoder();
  ~JpegEncoder();
  JpegEncoder(const JpegEncoder&) = delete;
  JpegEncoder& operator=(const JpegEncoder&) = delete;

  // Sides up to kJpegSideMax; quality: 1 to 100. Valid until the next call.
  std::span<const std::uint8_t> encode(const ImageView& image, int quality);

 private:
  struct Library;

  std::unique_ptr<Library> library_;
  std::vector<std::uint8_t> file_;
};

}  // namespace drift
