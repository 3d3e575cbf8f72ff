// Files that know what went through them: OutputFile and InputFile count the bytes and keep their XXH3 checksum, so
// that a checkpoint can say what each of its files must be without reading anything twice. Pieces go straight between
// the caller's memory and the system. All throw, naming the file and the system's reason: kOutput for what cannot be
// written; for what cannot be read the kind that the caller gives, kCheckpoint unless it is a file of another sort.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

#include "core/error.h"

struct XXH3_state_s;

namespace drift {

// What a file is, but for its name.
struct Digest {
  std::uint64_t bytes = 0;
  std::uint64_t checksum = 0;  // XXH3, 64 bits

  bool operator==(const Digest&) const = default;
};

class RunningDigest {
 public:
  RunningDigest();
  void add(std::span<const std::byte> bytes);
  std::uint64_t bytes() const { return bytes_; }
  Digest value() const;

 private:
  struct FreeState {
    void operator()(XXH3_state_s* state) const;
  };
  std::unique_ptr<XXH3_state_s, FreeState> state_;
  std::uint64_t bytes_ = 0;
};

Digest digest_of(std::span<const std::byte> bytes);
inline Digest digest_of(std::string_view text) {
  return digest_of(std::as_bytes(std::span(text)));
}

class OutputFile {
 public:
  explicit OutputFile(std::filesystem::path path);  // created, or emptied
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  // Closes the file. What brings it to the disk: make_durable().
  Digest finish();

 private:
  std::filesystem::path path_;
  int descriptor_;
  RunningDigest digest_;
};

class InputFile {
 public:
  explicit InputFile(std::filesystem::path path, ErrorKind kind = ErrorKind::kCheckpoint);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::uint64_t size() const { return size_; }
  std::uint64_t remaining() const { return size_ - digest_.bytes(); }
  // Fills all of `bytes`; `what` they are goes into the message when the file ends before.
  void read(std::span<std::byte> bytes, std::string_view what);
  Digest digest() const { return digest_.value(); }  // of what was read so far

 private:
  std::filesystem::path path_;
  ErrorKind kind_;
  int descriptor_;
  std::uint64_t size_ = 0;
  RunningDigest digest_;
};

}  // namespace drift
