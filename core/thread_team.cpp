#include "core/thread_team.h"

#include "core/check.h"

namespace drift {

void refuse_thread(std::string_view purpose, const std::exception& error) {
  DRIFT_FAIL(kDevice,
             "no thread for {} can be started: {}. Ask for fewer (--threads, --worker-threads, --loader-threads, "
             "--workers), or raise the limit (ulimit -u, ulimit -v, the tasks of the container or job)",
             purpose, error.what());
}

ThreadTeam::ThreadTeam(std::string_view purpose, int count, Body body) : body_(std::move(body)) {
  threads_.reserve(static_cast<std::size_t>(count));
  try {
    for (int thread = 0; thread < count; ++thread) {
      threads_.emplace_back([this, thread](const std::stop_token& stop) {
        start_.wait(Start::kWaiting);
        if (start_ == Start::kBegin) body_(thread, stop);
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
