#include "train/runs/directory_lock.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "core/check.h"
#include "core/host_name.h"
#include "core/log.h"
#include "core/regular_file.h"

namespace drift {
namespace {

constexpr std::chrono::milliseconds kPause{10};
constexpr int kPauses = 100;

// Empty until the holder, which locks the file first, has written its name.
std::string text_of(int file) {
  std::array<char, 512> text{};
  const ssize_t count = ::pread(file, text.data(), text.size(), 0);
  return count > 0 ? std::string(text.data(), static_cast<std::size_t>(count)) : "";
}

}  // namespace

DirectoryLock::DirectoryLock(const std::filesystem::path& directory) : path_(directory / kFile) {
  for (int pauses = 0;;) {
    const OpenedFile opened = open_regular_file(path_, O_RDWR | O_CREAT);
    DRIFT_CHECK(kUsage, opened, "{}: cannot be written: {}", path_.string(), opened.problem);
    file_ = opened.descriptor;
    if (::flock(file_, LOCK_EX | LOCK_NB) == 0) {
      if (is_still_there(file_, path_)) break;
    } else if (errno == EWOULDBLOCK) {
      const std::string holder = text_of(file_);
      if (!holder.empty() || pauses++ == kPauses) {
        ::close(file_);
        DRIFT_FAIL(kUsage, "the run directory {} is in use by {}", directory.string(),
                   holder.empty() ? "another process" : holder);
      }
      std::this_thread::sleep_for(kPause);
    } else if (errno != EINTR) {
      log_warning("{}: cannot be locked ({}): see to it that no other run writes there", directory.string(),
                  std::strerror(errno));
      break;
    }
    ::close(file_);
  }
  const std::string holder = fmt::format("process {} on {}", ::getpid(), host_name());
  if (::ftruncate(file_, 0) != 0 || ::pwrite(file_, holder.data(), holder.size(), 0) < 0) {
    log_warning("{}: cannot be written: {}", path_.string(), std::strerror(errno));  // the lock holds all the same
  }
}

std::string DirectoryLock::holder_of(const std::filesystem::path& directory) {
  const OpenedFile opened = open_regular_file(directory / kFile, O_RDONLY);
  if (!opened) return "";
  const std::string holder = text_of(opened.descriptor);
  ::close(opened.descriptor);
  int process = 0;
  std::array<char, 256> host{};
  const bool is_here =
      std::sscanf(holder.c_str(), "process %d on %255s", &process, host.data()) == 2 && host_name() == host.data();
  return is_here && ::kill(process, 0) != 0 && errno == ESRCH ? "" : holder;
}

DirectoryLock::~DirectoryLock() {
  if (file_ < 0) return;
  ::unlink(path_.c_str());
  ::close(file_);
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept
    : path_(std::move(other.path_)), file_(std::exchange(other.file_, -1)) {}

}  // namespace drift
