// What of a file has been downloaded, beside its place, and which version of it that was. It stays when a download ends
// early, so that a later one goes on; one process at a time writes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace drift {

class PartialFile {
 public:
  // Of the file that is to be at `path`: aside(path). Throws kOutput where it cannot be written, kUsage where another
  // process does.
  explicit PartialFile(const std::filesystem::path& path);
  ~PartialFile();  // one without a byte is removed
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::uint64_t size() const { return size_; }

  // Throws kOutput, naming it and the system's reason, when the disk is full.
  void append(std::span<const std::byte> bytes);
  // Nothing of it is left.
  void clear();
  // By what the server at `url` would tell this version from others; "": nothing is known.
  std::string validator_of(std::string_view url) const;
  void note_validator(std::string_view url, std::string_view validator);
  // With all that was noted.
  void remove();

 private:
  void lock();

  const std::filesystem::path path_, notes_;
  int file_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace drift
