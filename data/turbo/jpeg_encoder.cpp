// See jpeg_encoder.h.
#include "data/jpeg_encoder.h"

#include <turbojpeg.h>

#include "core/check.h"

namespace drift {

JpegEncoder::JpegEncoder() : handle_(tjInitCompress()) {
  DRIFT_CHECK(kDevice, handle_ != nullptr, "no memory for a JPEG encoder");
}

JpegEncoder::~JpegEncoder() {
  tjDestroy(handle_);
}

std::span<const std::uint8_t> JpegEncoder::encode(const ImageView& image, int quality) {
  const auto [width, height] = image.size;
  const auto w = static_cast<int>(width), h = static_cast<int>(height);
  file_.resize(tjBufSize(w, h, TJSAMP_420));
  unsigned char* to = file_.data();
  unsigned long bytes = file_.size();  // NOLINT: the library's type
  const int failed =
      tjCompress2(handle_, image.pixels.data(), w, 0, h, TJPF_RGB, &to, &bytes, TJSAMP_420, quality, TJFLAG_NOREALLOC);
  DRIFT_CHECK(kData, failed == 0, "cannot be encoded: {}", tjGetErrorStr2(handle_));
  file_.resize(bytes);
  return file_;
}

}  // namespace drift
