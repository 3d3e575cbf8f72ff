// The calls that have to do with files and can go wrong on purpose (faults.cpp). Each counts under its own name; a
// write to a file that only grows, as metrics.jsonl, as "append", too; and each on what lies below the folder that
// DRIFT_FAULT_FILES names as "file". With DRIFT_FAULT_RECORD, the name of a file, those leave a line each there, with
// the bytes they wrote behind it: from it one can tell what a disk may hold (tests/apps/power_loss.h).
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <mutex>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/apps/faults.h"
#include "tests/apps/preload.h"

namespace drift::testing {
namespace {

const char* root() {
  static const char* const folder = std::getenv("DRIFT_FAULT_FILES");
  return folder;
}

std::string path_of(int file) {
  if (root() == nullptr) return {};
  char path[PATH_MAX];
  const ssize_t size = ::readlink(("/proc/self/fd/" + std::to_string(file)).c_str(), path, sizeof path);
  return {path, size > 0 ? static_cast<std::size_t>(size) : 0};
}
std::string path_at(int directory, const char* path) {
  if (root() == nullptr) return {};
  return path[0] == '/' || directory == AT_FDCWD ? path : path_of(directory) + "/" + path;
}

struct Details {
  std::string other = {};  // the second path
  long number = 0;         // an offset, a size, flags
  std::string_view bytes = {};
};

// One call, from the fault that may be in it to its record.
class Call {
 public:
  // reason: why it fails, if it is to and nothing else is asked for.
  Call(const char* name, const std::string& path, int reason, bool has_halves = false) : name_(name) {
    const std::size_t above = root() == nullptr ? 0 : std::strlen(root());
    if (above > 0 && path.starts_with(root()) && path[above] == '/') path_ = path.substr(above + 1);
    if (above > 0 && path == root()) path_ = ".";
    goes_wrong_ = goes_wrong(name, has_halves);
    if (!path_.empty()) goes_wrong_ |= goes_wrong("file", has_halves);
    if (goes_wrong_) errno = reason_or(reason);
  }
  bool fails() const { return goes_wrong_ && !does_half(); }
  std::size_t share_of(std::size_t bytes) const { return goes_wrong_ ? (bytes + 1) / 2 : bytes; }
  // Returns the result that is given.
  template <class Result>
  Result ends(Result result, const Details& details = {}) const {
    const int reason = errno;
    if (goes_wrong_ && does_half()) half_is_done();
    if (!path_.empty()) record(result >= 0, details);
    errno = reason;
    return result;
  }

 private:
  void record(bool done, const Details& details) const {
    static const char* const name = std::getenv("DRIFT_FAULT_RECORD");
    if (name == nullptr) return;
    static std::mutex one_at_a_time;
    const std::lock_guard lock(one_at_a_time);
    static const auto file =
        static_cast<int>(::syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
    const std::string& other = details.other;
    const std::string_view other_path = other.empty() ? other : std::string_view(other).substr(std::strlen(root()) + 1);
    std::string text = std::string(done ? name_ : "nothing") + '\t' + path_ + '\t' + std::string(other_path) + '\t' +
                       std::to_string(details.number) + '\t' + std::to_string(details.bytes.size()) + '\n';
    text += details.bytes;
    ::syscall(SYS_write, file, text.data(), text.size());
  }

  const char* name_;
  std::string path_;  // from the folder; empty: it lies somewhere else
  bool goes_wrong_ = false;
};

template <class Result>
std::string_view done_of(const void* bytes, Result count) {
  return {static_cast<const char*>(bytes), count > 0 ? static_cast<std::size_t>(count) : 0};
}

}  // namespace
}  // namespace drift::testing

using namespace drift::testing;

// NOLINTBEGIN: the names and types are those of the libraries
extern "C" {

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  const Call call("open", path_at(AT_FDCWD, path), EACCES);
  return call.fails() ? -1 : call.ends(real("open", &open)(path, flags, mode), {.number = flags});
}
int openat(int directory, const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  const Call call("openat", path_at(directory, path), EACCES);
  return call.fails() ? -1 : call.ends(real("openat", &openat)(directory, path, flags, mode), {.number = flags});
}
int close(int fd) {
  const Call call("close", path_of(fd), EIO);
  const int reason = errno;
  const int result = real("close", &close)(fd);
  if (call.fails()) errno = reason;
  return call.fails() ? -1 : call.ends(result);
}
ssize_t read(int fd, void* bytes, size_t count) {
  const Call call("read", path_of(fd), EIO, /*has_halves=*/true);
  return call.fails() ? -1 : call.ends(real("read", &read)(fd, bytes, call.share_of(count)));
}
ssize_t write(int fd, const void* bytes, size_t count) {
  if ((::fcntl(fd, F_GETFL) & O_APPEND) != 0 && goes_wrong("append")) {
    errno = ENOSPC;
    return -1;
  }
  const Call call("write", path_of(fd), ENOSPC, /*has_halves=*/true);
  if (call.fails()) return -1;
  const ssize_t done = real("write", &write)(fd, bytes, call.share_of(count));
  return call.ends(done, {.number = ::lseek(fd, 0, SEEK_CUR) - done, .bytes = done_of(bytes, done)});
}
ssize_t pwrite(int fd, const void* bytes, size_t count, off_t offset) {
  const Call call("pwrite", path_of(fd), ENOSPC, /*has_halves=*/true);
  if (call.fails()) return -1;
  const ssize_t done = real("pwrite", &pwrite)(fd, bytes, call.share_of(count), offset);
  return call.ends(done, {.number = offset, .bytes = done_of(bytes, done)});
}
int ftruncate(int fd, off_t size) {
  const Call call("ftruncate", path_of(fd), EIO);
  return call.fails() ? -1 : call.ends(real("ftruncate", &ftruncate)(fd, size), {.number = size});
}
int fsync(int fd) {
  const Call call("fsync", path_of(fd), EIO);
  return call.fails() ? -1 : call.ends(real("fsync", &fsync)(fd));
}
int rename(const char* from, const char* to) {
  const Call call("rename", path_at(AT_FDCWD, from), EIO);
  return call.fails() ? -1 : call.ends(real("rename", &rename)(from, to), {.other = path_at(AT_FDCWD, to)});
}
int renameat2(int from_directory, const char* from, int to_directory, const char* to, unsigned flags) {
  const Call call("rename", path_at(from_directory, from), EIO);
  if (call.fails()) return -1;
  const int result = real("renameat2", &renameat2)(from_directory, from, to_directory, to, flags);
  return call.ends(result, {.other = path_at(to_directory, to), .number = flags});
}
int mkdir(const char* path, mode_t mode) {
  const Call call("mkdir", path_at(AT_FDCWD, path), EACCES);
  return call.fails() ? -1 : call.ends(real("mkdir", &mkdir)(path, mode));
}
int unlink(const char* path) {
  const Call call("remove", path_at(AT_FDCWD, path), EACCES);
  return call.fails() ? -1 : call.ends(real("unlink", &unlink)(path));
}
int unlinkat(int directory, const char* path, int flags) {
  const Call call("remove", path_at(directory, path), EACCES);
  return call.fails() ? -1 : call.ends(real("unlinkat", &unlinkat)(directory, path, flags));
}
int remove(const char* path) {
  const Call call("remove", path_at(AT_FDCWD, path), EACCES);
  return call.fails() ? -1 : call.ends(real("remove", &remove)(path));
}
int stat(const char* path, struct stat* status) {
  const Call call("stat", path_at(AT_FDCWD, path), EACCES);
  return call.fails() ? -1 : call.ends(real("stat", &stat)(path, status));
}
int fstat(int fd, struct stat* status) {
  const Call call("fstat", path_of(fd), EIO);
  return call.fails() ? -1 : call.ends(real("fstat", &fstat)(fd, status));
}

}  // extern "C"
// NOLINTEND
