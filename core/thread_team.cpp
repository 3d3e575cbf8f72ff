#include "core/thread_team.h"

#include <mutex>
#include <new>
#include <shared_mutex>

#include "core/check.h"
#include "core/memory_reserve.h"

namespace drift {
namespace {

// A thread's first `new` maps an arena for all of its later ones.
void make_arena() {
  const std::shared_lock lock(taking_memory());
  ::operator delete(::operator new(1, std::nothrow));
}

}  // namespace

void refuse_thread(std::string_view purpose, const std::exception& error) {
  DRIFT_FAIL(kDevice,
             "no thread for {} can be started: {}. Ask for fewer (--threads, --worker-threads, --loader-threads, "
             "--workers), or raise the limit (ulimit -u, ulimit -v, the tasks of the container or job)",
             purpose, error.what());
}

ThreadTeam::ThreadTeam(std::string_view purpose, int count, Body body) : body_(std::move(body)) {
  threads_.reserve(static_cast<std::size_t>(count));
  try {
    const std::shared_lock lock(taking_memory());
    for (int thread = 0; thread < count; ++thread) {
      threads_.emplace_back([this, thread](const std::stop_token& stop) {
        start_.wait(Start::kWaiting);
        if (start_ != Start::kBegin) return;
        make_arena();
        body_(thread, stop);
      });
    }
  } catch (const std::exception& error) {
    const std::string of_all = fmt::format("{} ({} of {})", purpose, threads_.size() + 1, count);
    tell(Start::kGiveUp);
    threads_.clear();
    refuse_thread(of_all, error);
  }
  tell(Start::kBegin);
}

void ThreadTeam::tell(Start start) {
  start_ = start;
  start_.notify_all();
}

}  // namespace drift
