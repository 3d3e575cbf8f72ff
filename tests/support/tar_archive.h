// Tar archives made by hand, so that they can be what no tool makes; and gzip around them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drift::testing {

// As in a tar header (POSIX.1-1988, ustar): '0' a file, '1' a hard link, '2' a symbolic link, '3' a device of
// characters, '4' one of blocks, '5' a folder, '6' a pipe.
struct TarEntry {
  std::string name;
  std::string bytes = {};
  char type = '0';
  std::string target = {};                 // of a link
  std::optional<std::uint64_t> size = {};  // that the header claims
};

std::string tar_of(const std::vector<TarEntry>& entries);
// Writes the checksum of each header anew, wherever it can be one.
void set_tar_checksums(std::string& tar);

std::string gzipped(std::string_view bytes);
inline std::string tar_gz_of(const std::vector<TarEntry>& entries) {
  return gzipped(tar_of(entries));
}

}  // namespace drift::testing
