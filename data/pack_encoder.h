// What a packed file holds of an image: a JPEG file, or pixels as they are (data/image_header.h), brought to a short
// side if it is larger.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/image_decoder.h"
#include "data/jpeg_encoder.h"
#include "data/resize.h"

namespace drift {

struct PackOptions {
  std::int64_t short_side = 256;         // images with a larger one get this; others keep theirs
  std::optional<int> jpeg_quality = 90;  // nothing: pixels
};

// Keeps its memory from one image to the next; for one thread.
class PackEncoder {
 public:
  explicit PackEncoder(const PackOptions& options) : options_(options) {}

  // A JPEG file that is small enough stays as it is, where JPEG files are asked for. Valid until the next call. Throws
  // kData for what cannot be decoded.
  std::span<const std::uint8_t> encode(std::span<const std::uint8_t> file);

 private:
  ImageView resized(const ImageView& image, bool smaller);

  PackOptions options_;
  ImageDecoder decoder_;
  Resizer resizer_;
  JpegEncoder jpeg_;
  std::vector<std::uint8_t> pixels_, encoded_;
};

}  // namespace drift
