#include "data/image_decoder.h"

#include <algorithm>
#include <limits>

#include "core/check.h"
#include "data/jpeg_turbo.h"

#define STBI_NO_STDIO
#include <stb_image.h>

namespace drift {

JpegLibrary best_jpeg_library() {
  return JpegTurbo::available() ? JpegLibrary::kTurbo : JpegLibrary::kStb;
}

Resize DecodedImage::of_this(const Resize& of_file) const {
  Resize resize = shrink == 1 ? of_file : of_file.of_shrunk(shrink);
  resize.box.left -= left;
  resize.box.top -= top;
  return resize;
}

ImageDecoder::ImageDecoder(JpegLibrary library)
    : turbo_(library == JpegLibrary::kTurbo ? std::make_unique<JpegTurbo>() : nullptr) {}

ImageDecoder::~ImageDecoder() = default;

DecodedImage ImageDecoder::decode(std::span<const std::uint8_t> bytes, const ImageHeader& header, int shrink,
                                  const Box& box) {
  DRIFT_ASSERT(shrink == 1 || shrink == 2 || shrink == 4 || shrink == kShrinkMax, "an image shrunk by {}", shrink);
  DRIFT_CHECK(kData, bytes.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()), "a file of {} bytes",
              bytes.size());
  if (header.format == ImageFormat::kRaw) {
    const auto pixels = static_cast<std::size_t>(3 * header.size.width * header.size.height);
    return {{bytes.subspan(kRawImageStartBytes, pixels), header.size}, header.size, 1};
  }
  if (header.format == ImageFormat::kJpeg && turbo_) {
    const Box part = turbo_->decode(bytes, header.size, shrink, box, pixels_);
    return {{pixels_, {part.width, part.height}}, header.size, shrink, part.left, part.top};
  }
  constexpr int kChannels = 3;
  int width = 0, height = 0, channels = 0;
  const std::unique_ptr<stbi_uc, decltype(&stbi_image_free)> decoded(
      stbi_load_from_memory(bytes.data(), static_cast<int>(bytes.size()), &width, &height, &channels, kChannels),
      &stbi_image_free);
  DRIFT_CHECK(kData, decoded != nullptr, "cannot be decoded: {}", stbi_failure_reason());
  DRIFT_CHECK(kData, width == header.size.width && height == header.size.height, "damaged: {}x{} pixels, or {}x{}",
              width, height, header.size.width, header.size.height);
  pixels_.assign(decoded.get(), decoded.get() + static_cast<std::ptrdiff_t>(width) * height * kChannels);
  return {{pixels_, header.size}, header.size, 1};
}

}  // namespace drift
