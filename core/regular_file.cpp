#include "core/regular_file.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "core/check.h"

namespace drift {

std::string system_reason() {
  return std::generic_category().message(errno);
}

namespace {

std::string_view kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

OpenedFile refused(mode_t mode) {
  return {.problem = fmt::format("{}, not a file", kind_of(mode))};
}

// Closes it at the end.
class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() { ::close(descriptor_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  // The next bytes, nothing at the end.
  std::string_view read_some() {
    ssize_t count = 0;
    do {
      count = ::read(descriptor_, piece_.data(), piece_.size());
    } while (count < 0 && errno == EINTR);
    if (count < 0) problem_ = system_reason();
    return {piece_.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
  }
  const std::string& problem() const { return problem_; }

 private:
  int descriptor_;
  std::string problem_;
  std::array<char, 1 << 16> piece_;
};

// All of it, if it was opened. Throws `kind`.
std::string text_of(const OpenedFile& file, const std::filesystem::path& path, std::size_t bytes_max, ErrorKind kind) {
  DRIFT_CHECK_AS(kind, file, "{}: cannot be read: {}", path.string(), file.problem);
  Descriptor descriptor(file.descriptor);
  std::string text;
  for (std::string_view piece = descriptor.read_some(); !piece.empty(); piece = descriptor.read_some()) {
    DRIFT_CHECK_AS(kind, piece.size() <= bytes_max - text.size(), "{}: more than {} bytes, the most it may have",
                   path.string(), bytes_max);
    text += piece;
  }
  DRIFT_CHECK_AS(kind, descriptor.problem().empty(), "{}: cannot be read: {}", path.string(), descriptor.problem());
  return text;
}

}  // namespace

OpenedFile open_regular_file(const std::filesystem::path& path, int flags) {
  const bool only_writes = (flags & O_ACCMODE) == O_WRONLY;
  const auto is_welcome = [&](mode_t mode) { return S_ISREG(mode) || (only_writes && S_ISCHR(mode)); };
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && !is_welcome(status.st_mode)) return refused(status.st_mode);
  // What takes its place meanwhile is not waited for either.
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, 0666);
  if (descriptor < 0) return {.problem = system_reason(), .absent = errno == ENOENT || errno == ENOTDIR};
  OpenedFile file{.descriptor = descriptor};
  if (::fstat(descriptor, &status) != 0) {
    file = {.problem = system_reason()};
  } else if (!is_welcome(status.st_mode)) {
    file = refused(status.st_mode);
  } else {
    file.bytes = static_cast<std::uint64_t>(status.st_size);
  }
  if (!file) ::close(descriptor);
  return file;
}

bool is_still_there(int descriptor, const std::filesystem::path& path) {
  struct stat opened {
  }, named{};
  return ::fstat(descriptor, &opened) == 0 && ::stat(path.c_str(), &named) == 0 && opened.st_ino == named.st_ino &&
         opened.st_dev == named.st_dev;
}

std::string read_text(const std::filesystem::path& path, std::size_t bytes_max, ErrorKind kind) {
  return text_of(open_regular_file(path, O_RDONLY), path, bytes_max, kind);
}

std::optional<std::string> text_if_there(const std::filesystem::path& path, std::size_t bytes_max, ErrorKind kind) {
  const OpenedFile file = open_regular_file(path, O_RDONLY);
  return file.absent ? std::nullopt : std::optional(text_of(file, path, bytes_max, kind));
}

}  // namespace drift
