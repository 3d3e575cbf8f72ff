// Transform: encoded bytes, and a draw in training, -> pixels of one shape. As torchvision's RandomResizedCrop and
// RandomHorizontalFlip in training, Resize and CenterCrop in evaluation, on what Pillow decodes.
#pragma once

#include <cstdint>
#include <span>

#include "core/rng.h"
#include "data/image_crops.h"
#include "data/image_decoder.h"
#include "data/resize.h"

namespace drift {

struct OutputSizes {
  std::int64_t side = 224;        // of the square that comes out
  std::int64_t short_side = 256;  // of the image that it is cut out of in evaluation, at least `side`
};

// Keeps its memory from one image to the next; for one thread. Where libjpeg-turbo decodes, a JPEG file that would be
// made smaller by kShrinkKeeps or more is decoded to fewer pixels, so long as they are kShrinkKeeps times those that
// come out, each way. Both throw kData, saying what is wrong, for what cannot be decoded.
class Transform {
 public:
  explicit Transform(const OutputSizes& sizes, JpegLibrary library = best_jpeg_library());

  // image: side * side * 3 bytes, interleaved RGB.
  void evaluation(std::span<const std::uint8_t> encoded, std::span<std::uint8_t> image);
  void training(std::span<const std::uint8_t> encoded, const Rng& rng, std::span<std::uint8_t> image);

  static constexpr std::int64_t kShrinkKeeps = 2;
  // What a file is decoded with for this.
  static int shrink_for(const Resize& resize);

 private:
  void run(std::span<const std::uint8_t> encoded, const ImageHeader& header, const Resize& resize,
           std::span<std::uint8_t> image);

  OutputSizes sizes_;
  ImageDecoder decoder_;
  Resizer resizer_;
};

}  // namespace drift
