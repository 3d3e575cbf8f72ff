#include "tests/support/tar_archive.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <numeric>
#include <zlib.h>

#include "core/check.h"

namespace drift::testing {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kSizeAt = 124, kChecksumAt = 148, kTypeAt = 156, kTargetAt = 157, kMagicAt = 257;

void put(std::string& header, std::size_t at, std::string_view text) {
  header.replace(at, text.size(), text);
}

void set_checksum(std::string& tar, std::size_t header) {
  put(tar, header + kChecksumAt, std::string(8, ' '));
  const unsigned sum = std::accumulate(tar.begin() + static_cast<std::ptrdiff_t>(header),
                                       tar.begin() + static_cast<std::ptrdiff_t>(header + kBlock), 0u,
                                       [](unsigned so_far, char c) { return so_far + static_cast<unsigned char>(c); });
  put(tar, header + kChecksumAt, fmt::format("{:06o}", sum) + '\0');
}

std::size_t in_blocks(std::size_t bytes) {
  return (bytes + kBlock - 1) / kBlock * kBlock;
}

}  // namespace

std::string tar_of(const std::vector<TarEntry>& entries) {
  std::string tar;
  for (const TarEntry& entry : entries) {
    std::string header(kBlock, '\0');
    put(header, 0, entry.name.substr(0, 100));
    put(header, 100, "0000644");
    put(header, 108, "0000000");
    put(header, 116, "0000000");
    put(header, kSizeAt, fmt::format("{:011o}", entry.size.value_or(entry.bytes.size())));
    put(header, 136, "00000000000");
    header[kTypeAt] = entry.type;
    put(header, kTargetAt, entry.target.substr(0, 100));
    put(header, kMagicAt, std::string_view("ustar\00000", 8));
    set_checksum(header, 0);
    tar += header + entry.bytes;
    tar.resize(in_blocks(tar.size()), '\0');
  }
  return tar + std::string(2 * kBlock, '\0');
}

void set_tar_checksums(std::string& tar) {
  for (std::size_t at = 0; at + kBlock <= tar.size();) {
    if (tar.compare(at + kMagicAt, 5, "ustar") == 0) set_checksum(tar, at);
    std::uint64_t bytes = 0;
    std::from_chars(tar.data() + at + kSizeAt, tar.data() + at + kSizeAt + 11, bytes, 8);
    at += kBlock + in_blocks(static_cast<std::size_t>(std::min<std::uint64_t>(bytes, tar.size())));
  }
}

std::string gzipped(std::string_view bytes) {
  z_stream stream{};
  DRIFT_ASSERT(deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK, "zlib");
  std::string result(deflateBound(&stream, bytes.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<unsigned>(bytes.size());
  stream.next_out = reinterpret_cast<unsigned char*>(result.data());
  stream.avail_out = static_cast<unsigned>(result.size());
  DRIFT_ASSERT(deflate(&stream, Z_FINISH) == Z_STREAM_END, "no room for what zlib makes of {} bytes", bytes.size());
  result.resize(stream.total_out);
  deflateEnd(&stream);
  return result;
}

}  // namespace drift::testing
