// Whole files as strings, so that tests can damage them, and a disk that is full.
#pragma once

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/resource.h>
#include <vector>

namespace drift::testing {

inline std::string file_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::vector<std::uint8_t> file_bytes(const std::filesystem::path& path) {
  const std::string text = file_text(path);
  return {text.begin(), text.end()};
}

// A new file each time: rewriting one in place makes some file systems wait for the disk.
inline void set_file_text(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::remove(path);
  std::ofstream(path, std::ios::binary) << text;
}

// One bit in the middle is another.
inline void flip_middle_bit(const std::filesystem::path& path) {
  std::string text = file_text(path);
  text[text.size() / 2] ^= 1;
  set_file_text(path, text);
}

// While it lives, no file of this process can grow beyond `bytes`: writes fail as on a full disk, for root too.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &limit_);
    const rlimit full{bytes, limit_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &full);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &limit_);
    std::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  using Handler = void (*)(int);
  Handler handler_;
  rlimit limit_{};
};

}  // namespace drift::testing
