// A library to be loaded before the others (LD_PRELOAD): a file system that lacks something. DRIFT_FILE_SYSTEM has
//
//   no-exchange          two names cannot change places (NFS, SMB, many FUSE)
//   no-directory-sync    a directory cannot be waited for (SMB, some FUSE)
//   no-removal           nothing is ever removed
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/apps/preload.h"

namespace {

using drift::testing::real;

bool lacks(const char* what) {
  const char* const list = std::getenv("DRIFT_FILE_SYSTEM");
  return list != nullptr && std::strstr(list, what) != nullptr;
}

}  // namespace

// NOLINTBEGIN: the names and types are those of the libraries
extern "C" {

int renameat2(int from_directory, const char* from, int to_directory, const char* to, unsigned flags) {
  if (flags != 0 && lacks("no-exchange")) {
    errno = EINVAL;
    return -1;
  }
  return real("renameat2", &renameat2)(from_directory, from, to_directory, to, flags);
}
int fsync(int fd) {
  struct stat status;
  if (lacks("no-directory-sync") && ::fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
    errno = EINVAL;
    return -1;
  }
  return real("fsync", &fsync)(fd);
}
int unlinkat(int directory, const char* path, int flags) {
  if (lacks("no-removal")) {
    errno = EPERM;
    return -1;
  }
  return real("unlinkat", &unlinkat)(directory, path, flags);
}

}  // extern "C"
// NOLINTEND
