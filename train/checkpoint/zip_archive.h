// Zip archives as PyTorch makes them, by libzip: entries that lie in the archive as they are, without compression.
// Files come from anywhere: names are unique, nothing is encrypted or compressed, and all entries together are no
// larger than the file, so that reading them takes no more memory than it. What is otherwise is kCheckpoint, naming
// file and entry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/checked_file.h"

struct zip;

namespace drift {

struct CloseZip {
  void operator()(zip* archive) const;
};

class ZipArchive {
 public:
  // Reads the directory and checks all that it says.
  explicit ZipArchive(const std::filesystem::path& path);

  struct Entry {
    std::uint64_t index = 0, bytes = 0;
  };
  const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }
  // With its checksum compared. The entry must be there.
  std::vector<std::byte> read(std::string_view name) const;
  std::uint64_t file_bytes() const { return file_bytes_; }

 private:
  void add_entry(std::uint64_t index);

  std::string file_;
  std::uint64_t file_bytes_ = 0, entry_bytes_ = 0;
  std::unique_ptr<zip, CloseZip> archive_;
  std::map<std::string, Entry, std::less<>> entries_;
};

// An entry to be written.
struct ZipPart {
  std::string name;
  std::span<const std::byte> bytes;
};

// Writes an archive of these, in their order, the same bytes each time; the caller finishes the file. Throws kOutput.
void write_zip(OutputFile& file, std::span<const ZipPart> parts);

}  // namespace drift
