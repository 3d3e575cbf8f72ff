#include "core/atomic_file.h"

#include <cerrno>
#include <fcntl.h>
#include <stdio.h>
#include <string>
#include <system_error>
#include <unistd.h>

#include "core/check.h"
#include "core/checked_file.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

fs::path parent_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

}  // namespace

fs::path aside(const fs::path& path) {
  return parent_of(path) / fmt::format(".{}.partial", path.filename().string());
}

void make_durable(const fs::path& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool done = descriptor >= 0 && fsync(descriptor) == 0;
  const int reason = errno;
  if (descriptor >= 0) close(descriptor);
  DRIFT_CHECK(kCheckpoint, done, "{}: did not reach the disk: {}", path.string(),
              std::generic_category().message(reason));
}

void publish(const fs::path& path) {
  const fs::path from = aside(path);
  make_durable(from);
  // A directory cannot be renamed over one that has files; the two change places instead.
  std::error_code absent;
  const bool exchange = fs::is_directory(from, absent) && fs::is_directory(path, absent);
  const int result = renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, path.c_str(), exchange ? RENAME_EXCHANGE : 0);
  DRIFT_CHECK(kCheckpoint, result == 0, "{}: cannot be put into its place from {}: {}", path.string(), from.string(),
              std::generic_category().message(errno));
  make_durable(parent_of(path));
  if (!exchange) return;
  std::error_code error;
  fs::remove_all(from, error);
  DRIFT_CHECK(kCheckpoint, !error, "{}: what {} replaced cannot be removed: {}", from.string(), path.string(),
              error.message());
}

void write_file_atomically(const fs::path& path, std::string_view text) {
  OutputFile file(aside(path));
  file.write(text);
  file.finish();
  publish(path);
}

}  // namespace drift
