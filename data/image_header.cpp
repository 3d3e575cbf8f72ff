#include "data/image_header.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <zlib.h>

#include "core/check.h"

namespace drift {
namespace {

// Big-endian numbers at a place that moves on.
class Reader {
 public:
  // begin: of these bytes in the file.
  explicit Reader(std::span<const std::uint8_t> bytes, std::size_t begin = 0) : bytes_(bytes), begin_(begin) {}

  std::size_t at() const { return begin_ + at_; }  // in the file
  std::size_t left() const { return bytes_.size() - at_; }
  // part: what the bytes are of.
  std::span<const std::uint8_t> take(std::size_t count, std::string_view part) {
    DRIFT_CHECK(kData, count <= left(), "cut off: {} at byte {} needs {} bytes, there are {}", part, at(), count,
                left());
    at_ += count;
    return bytes_.subspan(at_ - count, count);
  }
  std::uint32_t number(std::size_t bytes, std::string_view part) {
    std::uint32_t value = 0;
    for (const std::uint8_t byte : take(bytes, part)) value = value << 8 | byte;
    return value;
  }
  // Past the next byte of this value.
  void skip_past(std::uint8_t value, std::string_view part) {
    const void* const found = left() > 0 ? std::memchr(bytes_.data() + at_, value, left()) : nullptr;
    DRIFT_CHECK(kData, found != nullptr, "cut off: {} at byte {} has no end", part, at());
    at_ = static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - bytes_.data()) + 1;
  }
  bool begins_with(std::span<const std::uint8_t> start) const {
    return left() >= start.size() && std::ranges::equal(start, bytes_.subspan(at_, start.size()));
  }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t begin_, at_ = 0;
};

ImageSize checked(std::int64_t width, std::int64_t height) {
  DRIFT_CHECK(kData, width > 0 && height > 0, "an image of {}x{} pixels", width, height);
  DRIFT_CHECK(kData, width <= kImagePixelsMax / height, "{}x{} pixels are more than {}, the most that is read", width,
              height, kImagePixelsMax);
  return {width, height};
}

constexpr std::array<std::uint8_t, 8> kPngStart = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
constexpr std::array<std::uint8_t, 2> kJpegStart = {0xff, 0xd8};

constexpr std::array<std::uint8_t, 8> kRawStart = {0xd7, 'D', 'R', 'R', 'A', 'W', '8', '\n'};

ImageHeader read_raw(Reader reader) {
  reader.take(kRawStart.size(), "the signature");
  const std::int64_t width = reader.number(4, "the size");
  const ImageHeader header{ImageFormat::kRaw, checked(width, reader.number(4, "the size"))};
  reader.take(static_cast<std::size_t>(3 * header.size.width * header.size.height), "the pixels");
  return header;
}

ImageHeader read_png(Reader reader) {
  reader.take(kPngStart.size(), "the signature");
  ImageHeader header{ImageFormat::kPng, {}};
  bool has_data = false;
  for (std::string type; type != "IEND";) {
    const std::size_t begin = reader.at();
    const std::uint32_t length = reader.number(4, "a chunk");
    const auto typed = reader.take(4, "the type of a chunk");
    type.assign(typed.begin(), typed.end());
    const auto data = reader.take(length, "a chunk");
    const std::uint32_t wanted = reader.number(4, "the checksum of a chunk");
    const auto sum = static_cast<std::uint32_t>(
        ::crc32(::crc32(0, typed.data(), 4), length > 0 ? data.data() : typed.data(), length));
    DRIFT_CHECK(kData, sum == wanted, "damaged: the chunk at byte {} has another checksum than it says", begin);
    DRIFT_CHECK(kData, (type == "IHDR") == (header.size.width == 0) && (type != "IHDR" || length == 13),
                "damaged: the chunk IHDR is not where it must be, at byte {}", begin);
    if (type == "IHDR") {
      Reader fields(data, begin + 8);
      const std::int64_t width = fields.number(4, "IHDR");
      header.size = checked(width, fields.number(4, "IHDR"));
    }
    has_data = has_data || type == "IDAT";
  }
  DRIFT_CHECK(kData, has_data, "damaged: a PNG file without pixels");
  return header;
}

// Markers: the second byte, after 0xff.
enum Marker : std::uint8_t {
  kSof0 = 0xc0,
  kDht = 0xc4,
  kJpg = 0xc8,
  kDac = 0xcc,
  kSof15 = 0xcf,
  kRst0 = 0xd0,
  kRst7 = 0xd7,
  kSoi = 0xd8,
  kEoi = 0xd9,
  kSos = 0xda,
  kTem = 0x01
};

bool begins_frame(std::uint8_t marker) {
  return marker >= kSof0 && marker <= kSof15 && marker != kDht && marker != kJpg && marker != kDac;
}
bool stands_alone(std::uint8_t marker) {
  return marker == kTem || (marker >= kRst0 && marker <= kSoi);
}

// Past entropy-coded data to the next marker, which it returns.
std::uint8_t next_marker(Reader& reader, bool in_scan) {
  for (;;) {
    const std::size_t begin = reader.at();
    constexpr std::uint8_t kStart = 0xff;
    if (in_scan) {
      reader.skip_past(kStart, "a scan");
    } else {
      DRIFT_CHECK(kData, reader.number(1, "a marker") == kStart, "damaged: no marker at byte {}", begin);
    }
    std::uint32_t byte = kStart;
    while (byte == kStart) byte = reader.number(1, "a marker");  // any number of them may fill up
    if (byte != 0 && !(in_scan && byte >= kRst0 && byte <= kRst7)) return static_cast<std::uint8_t>(byte);
    DRIFT_CHECK(kData, in_scan, "damaged: no marker at byte {}", begin);
  }
}

// Huffman tables (B.2.4.2): stb_image 2.27 writes beyond its own where one has more codes than there are symbols, and
// shifts by more than it has bits where a difference of DC coefficients has more than 15.
void check_tables(Reader segment, std::size_t begin) {
  constexpr std::uint32_t kCodesMax = 256;
  constexpr int kDcBitsMax = 15;
  while (segment.left() > 0) {
    const std::uint32_t kind = segment.number(1, "a Huffman table");
    std::uint32_t codes = 0;
    for (const std::uint8_t count : segment.take(16, "a Huffman table")) codes += count;
    const bool has_place = (kind >> 4) <= 1 && (kind & 15) <= 3;
    DRIFT_CHECK(kData, has_place && codes <= kCodesMax, "damaged: a Huffman table {:#x} of {} codes, at byte {}", kind,
                codes, begin);
    const auto symbols = segment.take(codes, "a Huffman table");
    DRIFT_CHECK(kData, (kind >> 4) != 0 || std::ranges::all_of(symbols, [](int bits) { return bits <= kDcBitsMax; }),
                "damaged: a Huffman table of too many bits, at byte {}", begin);
  }
}

ImageHeader read_jpeg(Reader reader) {
  reader.take(kJpegStart.size(), "the signature");
  ImageHeader header{ImageFormat::kJpeg, {}};
  bool has_scan = false;
  for (bool in_scan = false;;) {
    const std::uint8_t marker = next_marker(reader, in_scan);
    if (marker == kEoi) break;
    if (stands_alone(marker)) continue;
    const std::size_t begin = reader.at();
    const std::uint32_t length = reader.number(2, "a segment");
    DRIFT_CHECK(kData, length >= 2, "damaged: the segment at byte {} is {} bytes long", begin, length);
    Reader segment(reader.take(length - 2, "a segment"), begin + 2);
    in_scan = marker == kSos;
    if (in_scan) {
      DRIFT_CHECK(kData, header.size.width > 0, "damaged: a scan without a frame, at byte {}", begin);
      has_scan = true;
    }
    if (marker == kDht) check_tables(segment, begin);
    if (!begins_frame(marker)) continue;
    DRIFT_CHECK(kData, header.size.width == 0, "damaged: a second frame, at byte {}", begin);
    const std::uint32_t bits = segment.number(1, "a frame");
    DRIFT_CHECK(kData, bits == 8, "a JPEG file of {} bits a sample; only 8 can be read", bits);
    const std::int64_t height = segment.number(2, "a frame");
    header.size = checked(segment.number(2, "a frame"), height);
  }
  DRIFT_CHECK(kData, has_scan, "damaged: a JPEG file without pixels");
  return header;
}

}  // namespace

ImageHeader read_image_header(std::span<const std::uint8_t> bytes) {
  DRIFT_CHECK(kData, !bytes.empty(), "an empty file");
  const Reader reader(bytes);
  if (reader.begins_with(kPngStart)) return read_png(reader);
  if (reader.begins_with(kJpegStart)) return read_jpeg(reader);
  if (reader.begins_with(kRawStart)) return read_raw(reader);
  const auto start = bytes.first(std::min<std::size_t>(bytes.size(), 8));
  DRIFT_FAIL(kData, "neither JPEG nor PNG: it begins with {:02x}", fmt::join(start, " "));
}

std::array<std::uint8_t, kRawImageStartBytes> raw_image_start(const ImageSize& size) {
  std::array<std::uint8_t, kRawImageStartBytes> start{};
  std::ranges::copy(kRawStart, start.begin());
  for (std::size_t i = 0; i < 4; ++i) {
    start[kRawStart.size() + i] = static_cast<std::uint8_t>(size.width >> (24 - 8 * i));
    start[kRawStart.size() + 4 + i] = static_cast<std::uint8_t>(size.height >> (24 - 8 * i));
  }
  return start;
}

}  // namespace drift
