// A whole file in the address space, read only. Its pages come from the disk when they are looked at and go when memory
// is short. The file must not get shorter meanwhile: whoever then looks behind its end is killed (SIGBUS).
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <utility>

namespace drift {

class MappedFile {
 public:
  // Throws kData, naming the file, for one that is not there, is empty or cannot be mapped.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  MappedFile& operator=(MappedFile&&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace drift
