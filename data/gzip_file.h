// A gzip file, read once from its beginning to its end; its checksums are looked at where each of its parts ends.
#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "core/checked_file.h"

struct z_stream_s;

namespace drift {

class GzipFile {
 public:
  // Throws kData for a file that cannot be read or does not begin as gzip files do.
  explicit GzipFile(std::filesystem::path path);

  const std::filesystem::path& path() const { return file_.path(); }
  // The next bytes of what was compressed, as many as there are up to all of `bytes`; 0: all of it has been read.
  // Throws kData, with an offset in the file, for one that ends too soon or is damaged.
  std::size_t read(std::span<std::byte> bytes);

 private:
  struct End {
    void operator()(z_stream_s* stream) const;
  };

  void refill();
  // A part has ended: whether that was the last.
  bool was_last();
  std::uint64_t offset() const;

  InputFile file_;
  std::array<std::byte, 1 << 16> input_;
  std::unique_ptr<z_stream_s, End> stream_;
  bool ended_ = false;
};

}  // namespace drift
