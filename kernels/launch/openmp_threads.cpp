// Whether OpenMP's threads can be started is tried with threads that do nothing, right before OpenMP starts its own,
// and by one thread at a time: all that go on keep theirs.
#include "kernels/launch/openmp_threads.h"

#include <mutex>
#include <omp.h>

#include "core/thread_team.h"

namespace drift {
namespace {

std::mutex one_at_a_time;

void start(int threads) {
  const std::lock_guard lock(one_at_a_time);
  ThreadTeam("a stream of the CPU", threads - 1, [](int, const std::stop_token&) {});
#pragma omp parallel num_threads(threads)
  {}
}

}  // namespace

void use_openmp_threads(int threads) {
  thread_local int started = 1;
  if (omp_get_max_threads() != threads) omp_set_num_threads(threads);
  if (threads <= started) return;
  start(threads);
  started = threads;
}

}  // namespace drift
