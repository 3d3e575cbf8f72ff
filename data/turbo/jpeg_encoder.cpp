// See jpeg_encoder.h.
#include "data/jpeg_encoder.h"

#include "core/check.h"
#include "data/turbo/jpeg_errors.h"

namespace drift {
namespace {

// More than a file of so many pixels can have: three halves of them are encoded, in blocks that reach past the edges,
// and none is longer than twice its samples.
std::size_t most_bytes(const ImageSize& size) {
  const auto filled = [](std::int64_t side) { return static_cast<std::size_t>((side + 15) / 16 * 16); };
  constexpr std::size_t kHeader = 2048;
  return 3 * filled(size.width) * filled(size.height) + kHeader;
}

}  // namespace

struct JpegEncoder::Library {
  jpeg_compress_struct info{};
  JpegErrors errors;
};

JpegEncoder::JpegEncoder() : library_(std::make_unique<Library>()) {
  library_->info.err = library_->errors.manager();
  library_->errors.run("no JPEG encoder", [this] { jpeg_create_compress(&library_->info); });
}

JpegEncoder::~JpegEncoder() {
  jpeg_destroy_compress(&library_->info);
}

std::span<const std::uint8_t> JpegEncoder::encode(const ImageView& image, int quality) {
  constexpr int kExactFrom = 96;  // qualities below it cannot tell the faster cosine transform
  jpeg_compress_struct& info = library_->info;
  jpeg_abort_compress(&info);  // an image that failed
  file_.resize(most_bytes(image.size));
  unsigned char* to = file_.data();
  unsigned long bytes = file_.size();  // NOLINT: the library's type
  library_->errors.run("cannot be encoded", [&] {
    info.image_width = static_cast<JDIMENSION>(image.size.width);
    info.image_height = static_cast<JDIMENSION>(image.size.height);
    info.input_components = 3;
    info.in_color_space = JCS_RGB;
    jpeg_set_defaults(&info);  // among them colours at half the resolution
    jpeg_set_quality(&info, quality, TRUE);
    info.dct_method = quality >= kExactFrom ? JDCT_ISLOW : JDCT_IFAST;
    jpeg_mem_dest(&info, &to, &bytes);
    jpeg_start_compress(&info, TRUE);
    while (info.next_scanline < info.image_height) {
      auto* row = const_cast<JSAMPROW>(image.pixels.data() + 3 * image.size.width * info.next_scanline);
      jpeg_write_scanlines(&info, &row, 1);
    }
    jpeg_finish_compress(&info);
  });
  DRIFT_ASSERT(to == file_.data(), "{} bytes did not suffice", file_.size());
  file_.resize(bytes);
  return file_;
}

}  // namespace drift
