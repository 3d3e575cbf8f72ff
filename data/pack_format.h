// The layout of a packed file (docs/packed.md): header, images one behind the other, index. Numbers are little-endian.
// Here an index becomes bytes and bytes become an index; files are not touched.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace drift {

// One image of the file: a block with a checksum of its own.
struct PackedImage {
  std::uint64_t begin = 0;  // byte of the file
  std::uint32_t bytes = 0;
  std::int32_t label = 0;
  std::uint64_t checksum = 0;  // XXH3, 64 bits

  bool operator==(const PackedImage&) const = default;
};

struct PackIndex {
  std::vector<std::string> class_names;
  std::vector<PackedImage> images;
  std::vector<std::string> names;  // of the images, where they came from

  bool operator==(const PackIndex&) const = default;
};

struct PackHeader {
  std::uint64_t identity = 0;  // of what was packed, and how
  std::uint64_t images = 0;
  std::uint64_t index_begin = 0, index_bytes = 0;  // up to the end of the file
  std::uint64_t index_checksum = 0;
};

inline constexpr std::size_t kPackHeaderBytes = 56;

std::array<std::byte, kPackHeaderBytes> bytes_of(const PackHeader& header);
std::vector<std::byte> bytes_of(const PackIndex& index);

// All three throw kData, saying what is wrong at which byte.
// Unless `file` begins with the header of a packed file of its size.
PackHeader read_pack_header(std::span<const std::byte> file);
// Unless it, with this header, is whole but for the images, at whose bytes nobody looks here.
PackIndex read_pack_index(std::span<const std::byte> file, const PackHeader& header);

// Unless the image's bytes are those that were written.
std::span<const std::byte> checked_image(std::span<const std::byte> file, const PackIndex& index, std::size_t number);

}  // namespace drift
