// See jpeg_turbo.h. Pillow decodes by the same library: with its default transforms the pixels are the same.
#include "data/jpeg_turbo.h"

#include <turbojpeg.h>

#include "core/check.h"

namespace drift {
namespace {

// a b / 255, rounded.
int scaled(int a, int b) {
  const int product = a * b + 128;
  return (product + (product >> 8)) >> 8;
}

// Four inks as Adobe stores them, 255 being none, to RGB in their first three quarters.
void to_rgb(std::vector<std::uint8_t>& pixels) {
  const std::size_t count = pixels.size() / 4;
  for (std::size_t i = 0; i < count; ++i) {
    const int black = pixels[4 * i + 3];
    for (std::size_t c = 0; c < 3; ++c) {
      pixels[3 * i + c] = static_cast<std::uint8_t>(black - scaled(255 - pixels[4 * i + c], black));
    }
  }
  pixels.resize(3 * count);
}

}  // namespace

bool JpegTurbo::available() {
  return true;
}

JpegTurbo::JpegTurbo() : handle_(tjInitDecompress()) {
  DRIFT_CHECK(kDevice, handle_ != nullptr, "no memory for a JPEG decoder");
}

JpegTurbo::~JpegTurbo() {
  tjDestroy(handle_);
}

ImageSize JpegTurbo::decode(std::span<const std::uint8_t> bytes, const ImageSize& full, int shrink,
                            std::vector<std::uint8_t>& pixels) {
  const auto fail = [&] { DRIFT_FAIL(kData, "cannot be decoded: {}", tjGetErrorStr2(handle_)); };
  int width = 0, height = 0, subsampling = 0, colours = 0;
  if (tjDecompressHeader3(handle_, bytes.data(), bytes.size(), &width, &height, &subsampling, &colours) != 0) fail();
  DRIFT_CHECK(kData, width == full.width && height == full.height, "damaged: {}x{} pixels, or {}x{}", width, height,
              full.width, full.height);
  const tjscalingfactor factor{1, shrink};
  const ImageSize size{TJSCALED(width, factor), TJSCALED(height, factor)};
  const bool inks = colours == TJCS_CMYK || colours == TJCS_YCCK;
  pixels.resize(static_cast<std::size_t>(size.width * size.height * (inks ? 4 : 3)));
  const int failed = tjDecompress2(handle_, bytes.data(), bytes.size(), pixels.data(), static_cast<int>(size.width), 0,
                                   static_cast<int>(size.height), inks ? TJPF_CMYK : TJPF_RGB, 0);
  // A warning leaves an image that Pillow takes too.
  if (failed != 0 && tjGetErrorCode(handle_) != TJERR_WARNING) fail();
  if (inks) to_rgb(pixels);
  return size;
}

}  // namespace drift
