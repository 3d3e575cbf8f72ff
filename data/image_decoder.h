// From a JPEG or PNG file to RGB, as Pillow's Image.open(file).convert("RGB") gives it: grey repeated, palettes looked
// up, alpha dropped, CMYK as Adobe stores it and without a profile, and the orientation that a camera noted not obeyed;
// but of 16 bits the high byte, where Pillow makes nearly all of a grey image white. PNG by stb_image; JPEG by
// libjpeg-turbo, whose bits are Pillow's, where the build found it, else by stb_image, whose pixels differ by a few
// units of 255.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "data/image_header.h"

namespace drift {

class JpegTurbo;

enum class JpegLibrary : std::uint8_t { kStb, kTurbo };

// kTurbo where it was found.
JpegLibrary best_jpeg_library();

struct DecodedImage {
  ImageView image;
  ImageSize full;                  // of the file
  int shrink = 1;                  // so many pixels of it, each way, are one of `image`
  std::int64_t left = 0, top = 0;  // where, in the shrunk file, `image` begins

  // What resizes a box of the file, of `image`.
  Resize of_this(const Resize& of_file) const;
};

inline constexpr int kShrinkMax = 8;

// Keeps its memory from one image to the next; for one thread.
class ImageDecoder {
 public:
  // Throws kConfig for a library that the build does not have.
  explicit ImageDecoder(JpegLibrary library = best_jpeg_library());
  ~ImageDecoder();
  ImageDecoder(const ImageDecoder&) = delete;
  ImageDecoder& operator=(const ImageDecoder&) = delete;

  // Valid until the next call, as long as `bytes` are. shrink: 1, 2, 4 or kShrinkMax: libjpeg-turbo makes so many times
  // fewer pixels each way, rounded up, from fewer coefficients, in a fraction of the time; PNG files and stb_image
  // ignore it. Throws kData, saying what is wrong, for what read_image_header() refuses and for pixels that cannot be
  // decoded.
  DecodedImage decode(std::span<const std::uint8_t> bytes, int shrink = 1) {
    const ImageHeader header = read_image_header(bytes);
    return decode(bytes, header, shrink, {0, 0, header.size.width, header.size.height});
  }
  // For whoever has read the header, and needs the pixels in a box of the file: libjpeg-turbo decodes little more, with
  // the same bits, and does not look at what is below it.
  DecodedImage decode(std::span<const std::uint8_t> bytes, const ImageHeader& header, int shrink, const Box& box);

 private:
  std::unique_ptr<JpegTurbo> turbo_;
  std::vector<std::uint8_t> pixels_;
};

}  // namespace drift
