#include "core/checked_file.h"

#include <cerrno>
#include <fcntl.h>
#include <new>
#include <unistd.h>
#include <utility>
#include <xxhash.h>

#include "core/check.h"
#include "core/regular_file.h"

namespace drift {
void RunningDigest::FreeState::operator()(XXH3_state_s* state) const {
  XXH3_freeState(state);
}

RunningDigest::RunningDigest() : state_(XXH3_createState()) {
  if (state_ == nullptr) throw std::bad_alloc();
  XXH3_64bits_reset(state_.get());
}

void RunningDigest::add(std::span<const std::byte> bytes) {
  XXH3_64bits_update(state_.get(), bytes.data(), bytes.size());
  bytes_ += bytes.size();
}

Digest RunningDigest::value() const {
  return {bytes_, XXH3_64bits_digest(state_.get())};
}

Digest digest_of(std::span<const std::byte> bytes) {
  return {bytes.size(), XXH3_64bits(bytes.data(), bytes.size())};
}

OutputFile::OutputFile(std::filesystem::path path) : path_(std::move(path)) {
  const OpenedFile file = open_regular_file(path_, O_WRONLY | O_CREAT | O_TRUNC);
  DRIFT_CHECK(kOutput, file, "{}: cannot be written: {}", path_.string(), file.problem);
  descriptor_ = file.descriptor;
}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

void OutputFile::write(std::span<const std::byte> bytes) {
  digest_.add(bytes);
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    DRIFT_CHECK(kOutput, written >= 0, "{}: writing failed: {}", path_.string(), system_reason());
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

Digest OutputFile::finish() {
  const bool closed = close(std::exchange(descriptor_, -1)) == 0;
  DRIFT_CHECK(kOutput, closed, "{}: closing failed: {}", path_.string(), system_reason());
  return digest_.value();
}

InputFile::InputFile(std::filesystem::path path, ErrorKind kind) : path_(std::move(path)), kind_(kind) {
  const OpenedFile file = open_regular_file(path_, O_RDONLY);
  DRIFT_CHECK_AS(kind_, file, "{}: cannot be read: {}", path_.string(), file.problem);
  descriptor_ = file.descriptor;
  size_ = file.bytes;
}

InputFile::~InputFile() {
  close(descriptor_);
}

void InputFile::read(std::span<std::byte> bytes, std::string_view what) {
  DRIFT_CHECK_AS(kind_, bytes.size() <= remaining(), "{}: truncated: {} needs {} bytes at offset {}, the file has {}",
                 path_.string(), what, bytes.size(), digest_.bytes(), size_);
  for (std::span<std::byte> left = bytes; !left.empty();) {
    const ssize_t count = ::read(descriptor_, left.data(), left.size());
    if (count < 0 && errno == EINTR) continue;
    DRIFT_CHECK_AS(kind_, count >= 0, "{}: reading {} failed: {}", path_.string(), what, system_reason());
    DRIFT_CHECK_AS(kind_, count > 0, "{}: became shorter while it was read, in {}", path_.string(), what);
    left = left.subspan(static_cast<std::size_t>(count));
  }
  digest_.add(bytes);
}

}  // namespace drift
