// A library to be loaded before the others (LD_PRELOAD): memory that is not given. DRIFT_ALLOCATION="NTH BYTES": of the
// allocations of at least so many bytes since main() began, those from the NTH on fail if NTH is followed by a '+',
// else that one alone. DRIFT_ALLOCATIONS, the name of a file: there it says at the end how many there were. What
// libraries want while they are loaded they get: those of CUDA abort without it.
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/apps/preload.h"

// NOLINTBEGIN: the names and types are those of the library
extern "C" {
void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t count, size_t bytes);
void* __libc_realloc(void* old, size_t bytes);
void* __libc_memalign(size_t alignment, size_t bytes);
}
// NOLINTEND

namespace {

struct Limit {
  long nth = 0;
  bool stays = false;
  std::size_t bytes = 0;
};

const Limit& limit() {
  static const Limit the_one = [] {
    Limit limit;
    char* end = nullptr;
    if (const char* const text = std::getenv("DRIFT_ALLOCATION")) {
      limit.nth = std::strtol(text, &end, 10);
      limit.stays = *end == '+';
      limit.bytes = std::strtoul(end + (limit.stays ? 1 : 0), nullptr, 10);
    }
    return limit;
  }();
  return the_one;
}

std::atomic<long> allocations{0};
std::atomic<bool> main_began{false};

using Main = int (*)(int, char**, char**);
Main the_main = nullptr;

int begin_main(int argc, char** argv, char** environment) {
  main_began = true;
  return the_main(argc, argv, environment);
}

bool is_refused(std::size_t bytes) {
  if (!main_began || bytes < limit().bytes) return false;
  const long number = ++allocations;
  const bool refused = limit().stays ? number >= limit().nth : number == limit().nth;
  if (refused) errno = ENOMEM;
  return refused;
}

struct AtTheEnd {
  ~AtTheEnd() {
    const char* const name = std::getenv("DRIFT_ALLOCATIONS");
    if (name == nullptr || *name == '\0') return;
    const int file = ::open(name, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    ::dprintf(file, "%ld", allocations.load());
    ::close(file);
  }
} at_the_end;

}  // namespace

// NOLINTBEGIN: the names and types are those of the library
extern "C" {

int __libc_start_main(Main main, int argc, char** argv, void (*init)(), void (*fini)(), void (*rtld_fini)(),
                      void* stack_end) {
  the_main = main;
  return drift::testing::real("__libc_start_main", &__libc_start_main)(&begin_main, argc, argv, init, fini, rtld_fini,
                                                                       stack_end);
}

void* malloc(size_t bytes) {
  return is_refused(bytes) ? nullptr : __libc_malloc(bytes);
}
void* calloc(size_t count, size_t bytes) {
  return is_refused(count * bytes) ? nullptr : __libc_calloc(count, bytes);
}
void* realloc(void* old, size_t bytes) {
  return is_refused(bytes) ? nullptr : __libc_realloc(old, bytes);
}
void* memalign(size_t alignment, size_t bytes) {
  return is_refused(bytes) ? nullptr : __libc_memalign(alignment, bytes);
}
void* aligned_alloc(size_t alignment, size_t bytes) {
  return memalign(alignment, bytes);
}
int posix_memalign(void** memory, size_t alignment, size_t bytes) {
  void* const found = memalign(alignment, bytes);
  if (found == nullptr) return ENOMEM;
  *memory = found;
  return 0;
}

}  // extern "C"
// NOLINTEND
