#include "core/atomic_file.h"

#include <cerrno>
#include <fcntl.h>
#include <mutex>
#include <stdio.h>
#include <string>
#include <system_error>
#include <unistd.h>

#include "core/check.h"
#include "core/checked_file.h"
#include "core/log.h"
#include "core/regular_file.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

fs::path parent_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

// The file system does not do what was asked for, anywhere.
bool is_not_offered(int reason) {
  return reason == EINVAL || reason == ENOSYS || reason == ENOTSUP || reason == EOPNOTSUPP;
}

}  // namespace

fs::path aside(const fs::path& path) {
  return parent_of(path) / fmt::format(".{}.partial", path.filename().string());
}

bool is_aside(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.starts_with('.') && name.ends_with(".partial");
}

fs::path replaced(const fs::path& path) {
  return parent_of(path) / fmt::format(".{}.replaced", path.filename().string());
}

void make_durable(const fs::path& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool done = descriptor >= 0 && fsync(descriptor) == 0;
  const int reason = errno;
  if (descriptor >= 0) close(descriptor);
  std::error_code absent;
  if (!done && descriptor >= 0 && is_not_offered(reason) && fs::is_directory(path, absent)) {
    static std::once_flag once;
    std::call_once(once, [&] {
      log_warning(
          "{}: this file system does not say when names are on the disk: after a power loss, what was written "
          "last may be missing",
          path.string());
    });
    return;
  }
  DRIFT_CHECK(kOutput, done, "{}: did not reach the disk: {}", path.string(), std::generic_category().message(reason));
}

void try_remove(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) log_warning("{}: cannot be removed: {}", path.string(), error.message());
}

bool make_directories(const fs::path& path, std::error_code& error) {
  const fs::path parent = path.has_parent_path() ? path.parent_path() : ".";
  if (!fs::exists(parent, error) && !error) make_directories(parent, error);
  const bool made = !error && fs::create_directory(path, error);
  if (made) make_durable(parent);
  return made;
}

bool make_directories(const fs::path& path) {
  std::error_code error;
  const bool made = make_directories(path, error);
  DRIFT_CHECK(kOutput, !error, "{}: cannot be created: {}", path.string(), error.message());
  return made;
}

void publish(const fs::path& path) {
  const fs::path from = aside(path);
  make_durable(from);
  const auto move = [&](const fs::path& a, const fs::path& b, unsigned flags) {
    const bool moved = renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), flags) == 0;
    DRIFT_CHECK(kOutput, moved || (flags != 0 && is_not_offered(errno)), "{}: cannot be put into its place from {}: {}",
                b.string(), a.string(), system_reason());
    return moved;
  };
  std::error_code absent;
  if (!fs::is_directory(from, absent) || !fs::is_directory(path, absent)) {
    move(from, path, 0);
    return make_durable(parent_of(path));
  }
  // A directory cannot be renamed over one that has files; the two change places instead, or the old one steps aside.
  fs::path old = from;
  if (!move(from, path, RENAME_EXCHANGE)) {
    old = replaced(path);
    move(path, old, 0);
    move(from, path, 0);
  }
  make_durable(parent_of(path));
  try_remove(old);
}

void write_file_atomically(const fs::path& path, std::string_view text) {
  OutputFile file(aside(path));
  file.write(text);
  file.finish();
  publish(path);
}

}  // namespace drift
