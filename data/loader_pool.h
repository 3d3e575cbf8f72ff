// The threads of a process that prepare batches ahead, whoever the batches are for: pieces of work are done in the
// order they were asked for, the items of one piece by all threads at once. Who needs a piece that is not done takes
// part in it, so none ever waits for a thread that is busy with something else.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <stop_token>

#include "core/thread_team.h"

namespace drift {

class LoaderJob;

class LoaderPool {
 public:
  // threads = 0: whoever needs a piece of work does it then. Throws kConfig for less, kDevice for threads that cannot
  // be had.
  explicit LoaderPool(int threads);
  ~LoaderPool();  // its jobs are gone
  LoaderPool(const LoaderPool&) = delete;
  LoaderPool& operator=(const LoaderPool&) = delete;

  int threads() const { return count_; }

 private:
  friend class LoaderJob;

  void serve(const std::stop_token& stop);
  // Takes some items of the job, of which there are, and does them.
  void work_on(LoaderJob& job, std::unique_lock<std::mutex>& lock);

  const int count_;
  std::mutex mutex_;
  std::condition_variable_any asked_;
  std::condition_variable done_;
  std::deque<LoaderJob*> jobs_;  // with items that nobody has taken
  ThreadTeam threads_;           // last: they stop and are joined before anything they use goes
};

// Items 0 .. items - 1, in no particular order.
class LoaderJob {
 public:
  using Work = std::function<void(std::int64_t item)>;

  // Begins in the pool's threads, `grain` items at a time. The pool and what `work` uses must outlive the job.
  LoaderJob(LoaderPool& pool, std::int64_t items, std::int64_t grain, Work work);
  // Begins no more items, and waits for those that were begun.
  ~LoaderJob();
  LoaderJob(const LoaderJob&) = delete;
  LoaderJob& operator=(const LoaderJob&) = delete;

  // Takes part until all items are done; then throws what the first of the items that threw did.
  void finish();

 private:
  friend class LoaderPool;

  LoaderPool& pool_;
  const std::int64_t items_, grain_;
  const Work work_;
  // Guarded by the pool's mutex.
  std::int64_t taken_ = 0, running_ = 0;
  std::int64_t failed_;  // the first item that threw; items_ if none did
  std::exception_ptr error_;
};

}  // namespace drift
