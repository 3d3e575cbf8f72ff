// What a JPEG or PNG file, or an image without any coding, says of itself, and whether all of it is there: its
// structure is walked to the end, its pixels are not decoded. Whoever decodes then meets no file that is cut off,
// whichever library does it.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "data/resize.h"

namespace drift {

enum class ImageFormat : std::uint8_t { kJpeg, kPng, kRaw };

struct ImageHeader {
  ImageFormat format = ImageFormat::kJpeg;
  ImageSize size;
};

// Larger images are refused before any memory is taken: twice what Pillow warns of, which is where it refuses too.
inline constexpr std::int64_t kImagePixelsMax = 178'956'970;

// By content, never by name. Throws kData, saying what is wrong at which byte, unless `bytes` is
// - a PNG file whose chunks have the checksums they say, up to IEND (ISO/IEC 15948, 5.3), or
// - a JPEG file whose segments lead from SOI over a frame of 8-bit samples and a scan to EOI (ITU-T T.81, annex B), or
// - pixels as packed files have them (raw_image_start()), all of them there.
// What follows the end is ignored.
ImageHeader read_image_header(std::span<const std::uint8_t> bytes);

// What stands in front of an image's pixels, interleaved RGB, top row first: a signature, and width and height as
// 32-bit big-endian numbers.
inline constexpr std::size_t kRawImageStartBytes = 16;
std::array<std::uint8_t, kRawImageStartBytes> raw_image_start(const ImageSize& size);

}  // namespace drift
