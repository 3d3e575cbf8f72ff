#include "data/pack_format.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/check.h"
#include "core/checked_file.h"

namespace drift {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they lie in memory");

// 8 bytes that no text begins with, the last of them the version.
constexpr std::array<unsigned char, 8> kMagic = {0xD7, 'D', 'R', 'P', 'A', 'C', 'K', 1};

class Writer {
 public:
  template <class T>
  void number(T value) {
    const auto raw = std::as_bytes(std::span(&value, 1));
    bytes.insert(bytes.end(), raw.begin(), raw.end());
  }
  void text(std::string_view value) {
    number(static_cast<std::uint32_t>(value.size()));
    const auto raw = std::as_bytes(std::span(value));
    bytes.insert(bytes.end(), raw.begin(), raw.end());
  }

  std::vector<std::byte> bytes;
};

// Of `file`, from byte `at` to byte `end`.
class Reader {
 public:
  Reader(std::span<const std::byte> file, std::size_t at, std::size_t end) : file_(file), at_(at), end_(end) {}

  template <class T>
  T number(std::string_view what) {
    T value;
    std::memcpy(&value, take(sizeof value, what).data(), sizeof value);
    return value;
  }
  std::string text(std::string_view what) {
    const auto size = number<std::uint32_t>(what);
    const std::span<const std::byte> raw = take(size, what);
    return {reinterpret_cast<const char*>(raw.data()), raw.size()};
  }
  // How many there are of something that takes `least` bytes each.
  std::size_t count(std::uint64_t number, std::size_t least, std::string_view what) const {
    DRIFT_CHECK(kData, number <= (end_ - at_) / least, "damaged: {} {} at byte {}, where {} bytes are left", number,
                what, at_, end_ - at_);
    return static_cast<std::size_t>(number);
  }
  void end() const { DRIFT_CHECK(kData, at_ == end_, "damaged: bytes {} to {} belong to nothing", at_, end_); }

 private:
  std::span<const std::byte> take(std::size_t bytes, std::string_view what) {
    DRIFT_CHECK(kData, bytes <= end_ - at_, "damaged: {} at byte {} has {} bytes, and {} are left", what, at_, bytes,
                end_ - at_);
    at_ += bytes;
    return file_.subspan(at_ - bytes, bytes);
  }

  std::span<const std::byte> file_;
  std::size_t at_, end_;
};

}  // namespace

PackHeader read_pack_header(std::span<const std::byte> file) {
  const bool ours = file.size() >= kMagic.size() && std::memcmp(file.data(), kMagic.data(), kMagic.size() - 1) == 0;
  DRIFT_CHECK(kData, ours, "not a packed file: it does not begin like one");
  DRIFT_CHECK(kData, file.size() >= kPackHeaderBytes, "cut off: {} bytes, where the header has {}", file.size(),
              kPackHeaderBytes);
  DRIFT_CHECK(kData, file[kMagic.size() - 1] == std::byte{kMagic.back()},
              "a packed file of version {}, of which this program knows nothing: it knows {}",
              std::to_integer<int>(file[kMagic.size() - 1]), kMagic.back());
  constexpr std::size_t kSummed = kPackHeaderBytes - sizeof(std::uint64_t);
  Reader reader(file, kMagic.size(), kPackHeaderBytes);
  PackHeader header;
  header.identity = reader.number<std::uint64_t>("the identity");
  header.images = reader.number<std::uint64_t>("the number of images");
  header.index_begin = reader.number<std::uint64_t>("the place of the index");
  header.index_bytes = reader.number<std::uint64_t>("the size of the index");
  header.index_checksum = reader.number<std::uint64_t>("the checksum of the index");
  DRIFT_CHECK(kData, reader.number<std::uint64_t>("the checksum") == digest_of(file.first(kSummed)).checksum,
              "damaged: the header, bytes 0 to {}, does not have its checksum", kPackHeaderBytes);
  DRIFT_CHECK(kData,
              header.index_begin >= kPackHeaderBytes && header.index_bytes <= file.size() &&
                  header.index_begin == file.size() - header.index_bytes,
              "{}: {} bytes, and its header says {}",
              file.size() < header.index_begin + header.index_bytes ? "cut off" : "damaged", file.size(),
              header.index_begin + header.index_bytes);
  return header;
}

std::array<std::byte, kPackHeaderBytes> bytes_of(const PackHeader& header) {
  Writer writer;
  for (const unsigned char byte : kMagic) writer.number(byte);
  for (const std::uint64_t number :
       {header.identity, header.images, header.index_begin, header.index_bytes, header.index_checksum}) {
    writer.number(number);
  }
  writer.number(digest_of(writer.bytes).checksum);
  std::array<std::byte, kPackHeaderBytes> bytes{};
  std::ranges::copy(writer.bytes, bytes.begin());
  return bytes;
}

std::vector<std::byte> bytes_of(const PackIndex& index) {
  Writer writer;
  writer.number(static_cast<std::uint32_t>(index.class_names.size()));
  for (const std::string& name : index.class_names) writer.text(name);
  for (std::size_t i = 0; i < index.images.size(); ++i) {
    const auto& [begin, bytes, label, checksum] = index.images[i];
    writer.number(begin);
    writer.number(bytes);
    writer.number(label);
    writer.number(checksum);
    writer.text(index.names[i]);
  }
  return std::move(writer.bytes);
}

PackIndex read_pack_index(std::span<const std::byte> file, const PackHeader& header) {
  const auto begin = static_cast<std::size_t>(header.index_begin);
  DRIFT_CHECK(kData, digest_of(file.subspan(begin)).checksum == header.index_checksum,
              "damaged: the index, bytes {} to {}, does not have its checksum", begin, file.size());
  Reader reader(file, begin, file.size());
  PackIndex index;
  index.class_names.resize(reader.count(reader.number<std::uint32_t>("the number of classes"), 4, "classes"));
  for (std::string& name : index.class_names) name = reader.text("the name of a class");
  index.images.resize(reader.count(header.images, 28, "images"));
  index.names.resize(index.images.size());
  for (std::size_t i = 0; i < index.images.size(); ++i) {
    PackedImage& image = index.images[i];
    image.begin = reader.number<std::uint64_t>("the place of an image");
    image.bytes = reader.number<std::uint32_t>("the size of an image");
    image.label = reader.number<std::int32_t>("a label");
    image.checksum = reader.number<std::uint64_t>("a checksum");
    index.names[i] = reader.text("the name of an image");
    DRIFT_CHECK(kData,
                image.begin >= kPackHeaderBytes && image.begin <= begin && image.bytes <= begin - image.begin &&
                    image.label >= 0 && std::cmp_less(image.label, index.class_names.size()),
                "damaged: image {} of class {} at byte {} with {} bytes, of {} classes before byte {}", i, image.label,
                image.begin, image.bytes, index.class_names.size(), begin);
  }
  reader.end();
  return index;
}

std::span<const std::byte> checked_image(std::span<const std::byte> file, const PackIndex& index, std::size_t number) {
  const PackedImage& image = index.images.at(number);
  const auto bytes = file.subspan(static_cast<std::size_t>(image.begin), image.bytes);
  DRIFT_CHECK(kData, digest_of(bytes).checksum == image.checksum,
              "damaged: image {} ({}), bytes {} to {}, does not have its checksum", number, index.names[number],
              image.begin, image.begin + image.bytes);
  return bytes;
}

}  // namespace drift
