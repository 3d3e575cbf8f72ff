#include "data/fetch/partial_file.h"

#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "core/atomic_file.h"
#include "core/check.h"
#include "core/log.h"
#include "core/regular_file.h"

namespace drift {
namespace {

constexpr std::size_t kNotesBytesMax = 1 << 16;

}  // namespace

PartialFile::PartialFile(const std::filesystem::path& path)
    : path_(aside(path)), notes_(aside(path).replace_extension(".validator")) {
  while (true) {
    const OpenedFile opened = open_regular_file(path_, O_WRONLY | O_CREAT | O_APPEND);
    DRIFT_CHECK(kOutput, opened, "{}: cannot be written: {}", path_.string(), opened.problem);
    file_ = opened.descriptor;
    size_ = opened.bytes;
    lock();
    if (is_still_there(file_, path_)) return;
    ::close(file_);
  }
}

PartialFile::~PartialFile() {
  if (size_ == 0) remove();
  ::close(file_);
}

void PartialFile::lock() {
  while (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) {
      ::close(file_);
      DRIFT_FAIL(kUsage, "{}: another process downloads it: wait for that one, or end it", path_.string());
    }
    log_warning("{}: cannot be locked ({}): see to it that no other process downloads it", path_.string(),
                system_reason());
    return;
  }
  struct stat status {};
  if (::fstat(file_, &status) == 0) size_ = static_cast<std::uint64_t>(status.st_size);
}

void PartialFile::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    DRIFT_CHECK(kOutput, count >= 0, "{}: writing failed: {}", path_.string(), system_reason());
    size_ += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

void PartialFile::clear() {
  DRIFT_CHECK(kOutput, ::ftruncate(file_, 0) == 0, "{}: cannot be written: {}", path_.string(), system_reason());
  size_ = 0;
  ::unlink(notes_.c_str());
}

std::string PartialFile::validator_of(std::string_view url) const {
  const std::optional<std::string> notes = text_if_there(notes_, kNotesBytesMax, ErrorKind::kOutput);
  if (!notes || !notes->starts_with(fmt::format("{}\n", url)) || !notes->ends_with('\n')) return "";
  const std::string validator = notes->substr(url.size() + 1, notes->size() - url.size() - 2);
  return validator.find('\n') == std::string::npos ? validator : "";
}

void PartialFile::note_validator(std::string_view url, std::string_view validator) {
  write_file_atomically(notes_, fmt::format("{}\n{}\n", url, validator));
}

void PartialFile::remove() {
  ::unlink(notes_.c_str());
  ::unlink(path_.c_str());
}

}  // namespace drift
