// What fuzz targets share. A target is LLVMFuzzerTestOneInput(): bytes that somebody else wrote are read as the program
// reads them, and nothing but a result or an Error of the kind that belongs to such a file may come of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fmt/format.h>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>

#include "core/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace drift::testing {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// A file that has a path but lies on no disk.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(::memfd_create("fuzz", 0)), path_(fmt::format("/proc/self/fd/{}", descriptor_)) {
    DRIFT_ASSERT(descriptor_ >= 0, "no file in memory");
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { ::close(descriptor_); }

  const std::filesystem::path& path() const { return path_; }
  void hold(std::string_view bytes) {
    const bool done = ::ftruncate(descriptor_, 0) == 0 &&
                      ::pwrite(descriptor_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size());
    DRIFT_ASSERT(done, "no room for {} bytes in memory", bytes.size());
  }

 private:
  int descriptor_;
  std::filesystem::path path_;
};

// Whether it was read, rather than refused by an Error of this kind; another one ends the program, as a broken
// DRIFT_ASSERT does.
template <class Read>
bool is_read(ErrorKind refusal, const Read& read) {
  try {
    read();
    return true;
  } catch (const Error& error) {
    if (error.kind() != refusal) throw;
    return false;
  }
}

}  // namespace drift::testing
