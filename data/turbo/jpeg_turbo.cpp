// See jpeg_turbo.h. Pillow decodes by the same library: with its default transforms the pixels are the same.
#include "data/jpeg_turbo.h"

#include <algorithm>

#include "core/check.h"
#include "data/turbo/jpeg_errors.h"

namespace drift {
namespace {

constexpr const char* kFailed = "cannot be decoded";
// Columns beside a box that have a part in its pixels, where colours have half the columns and are interpolated.
constexpr std::int64_t kBeside = 2;

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

struct JpegTurbo::Library {
  jpeg_decompress_struct info{};
  JpegErrors errors;
};

bool JpegTurbo::available() {
  return true;
}

JpegTurbo::JpegTurbo() : library_(std::make_unique<Library>()) {
  library_->info.err = library_->errors.manager();
  library_->errors.run("no JPEG decoder", [this] { jpeg_create_decompress(&library_->info); });
}

JpegTurbo::~JpegTurbo() {
  jpeg_destroy_decompress(&library_->info);
}

Box JpegTurbo::decode(std::span<const std::uint8_t> bytes, const ImageSize& full, int shrink, const Box& box,
                      std::vector<std::uint8_t>& pixels) {
  jpeg_decompress_struct& info = library_->info;
  JpegErrors& errors = library_->errors;
  jpeg_abort_decompress(&info);  // an image that failed
  errors.run(kFailed, [&] {
    jpeg_mem_src(&info, bytes.data(), bytes.size());
    jpeg_read_header(&info, TRUE);
  });
  DRIFT_CHECK(kData, info.image_width == full.width && info.image_height == full.height,
              "damaged: {}x{} pixels, or {}x{}", info.image_width, info.image_height, full.width, full.height);
  const bool inks = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
  info.out_color_space = inks ? JCS_CMYK : JCS_RGB;
  info.scale_num = 1;
  info.scale_denom = static_cast<unsigned>(shrink);
  Box part = shrunk(box, shrink);
  errors.run(kFailed, [&] {
    jpeg_start_decompress(&info);
    auto left = static_cast<JDIMENSION>(std::max<std::int64_t>(part.left - kBeside, 0));
    JDIMENSION width = std::min(static_cast<JDIMENSION>(part.left + part.width + kBeside), info.output_width) - left;
    if (width < info.output_width) jpeg_crop_scanline(&info, &left, &width);  // it may become more
    part.left = left;
    part.width = width;
  });
  const std::int64_t row_bytes = part.width * (inks ? 4 : 3);
  pixels.resize(static_cast<std::size_t>(part.height * row_bytes));
  errors.run(kFailed, [&] {
    if (part.top > 0) jpeg_skip_scanlines(&info, static_cast<JDIMENSION>(part.top));
    for (std::int64_t y = 0; y < part.height; ++y) {
      JSAMPROW row = pixels.data() + y * row_bytes;
      jpeg_read_scanlines(&info, &row, 1);
    }
  });
  jpeg_abort_decompress(&info);  // rows below are not looked at
  if (inks) to_rgb(pixels);
  return part;
}

}  // namespace drift
