// DirectoryLock: one process at a time writes into a run directory. It is the system's lock of the file `.lock` there,
// so that of a holder that died is free, on a shared file system as well; the file says who holds it.
#pragma once

#include <filesystem>
#include <string>

namespace drift {

class DirectoryLock {
 public:
  // Throws kUsage, naming the holder, for a directory that another process holds; waits up to a second for a holder
  // that has the lock and has not written its name yet. A file system without
  // locks is a warning.
  explicit DirectoryLock(const std::filesystem::path& directory);
  ~DirectoryLock();
  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&&) = delete;

  static constexpr const char* kFile = ".lock";

  // Who holds it, "process 12 on node1", for those who only look; "" for nobody. A holder on another machine that was
  // killed there may be named still.
  static std::string holder_of(const std::filesystem::path& directory);

 private:
  std::filesystem::path path_;
  int file_ = -1;
};

}  // namespace drift
