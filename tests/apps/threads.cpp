// A library to be loaded before the others (LD_PRELOAD): a system that has no more threads. DRIFT_THREADS_MAX: how many
// may be there at once beside the first; DRIFT_THREADS_OF: of which process of a team, all if it is not set.
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <pthread.h>

#include "tests/apps/preload.h"

namespace {

using drift::testing::real;

std::atomic<long> running{0};

// Nothing where there is no limit.
const char* limit() {
  const char* const of = std::getenv("DRIFT_THREADS_OF");
  const char* const process = std::getenv("OMPI_COMM_WORLD_RANK");
  if (of != nullptr && (process == nullptr || std::strcmp(of, process) != 0)) return nullptr;
  return std::getenv("DRIFT_THREADS_MAX");
}

struct Begin {
  void* (*run)(void*);
  void* argument;
};

void* run_counted(void* given) {
  const Begin begin = *static_cast<Begin*>(given);
  delete static_cast<Begin*>(given);
  void* const result = begin.run(begin.argument);
  --running;
  return result;
}

}  // namespace

// NOLINTBEGIN: the names and types are those of the library
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*),
                              void* argument) {
  if (limit() != nullptr && running >= std::atol(limit())) return EAGAIN;
  ++running;
  auto* const begin = new Begin{run, argument};
  const int result = real("pthread_create", &pthread_create)(thread, attributes, run_counted, begin);
  if (result != 0) {
    --running;
    delete begin;
  }
  return result;
}
// NOLINTEND
