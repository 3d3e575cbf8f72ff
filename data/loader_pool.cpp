#include "data/loader_pool.h"

#include <algorithm>
#include <utility>

#include "core/check.h"

namespace drift {
namespace {

int checked(int threads) {
  DRIFT_CHECK(kConfig, threads >= 0, "the number of loader threads must be at least 0, got {}", threads);
  return threads;
}

}  // namespace

LoaderPool::LoaderPool(int threads)
    : count_(checked(threads)),
      threads_("preparing batches", threads, [this](int, const std::stop_token& stop) { serve(stop); }) {}

LoaderPool::~LoaderPool() {
  const std::lock_guard lock(mutex_);
  DRIFT_ASSERT(jobs_.empty(), "{} jobs outlive their pool", jobs_.size());
}

void LoaderPool::serve(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (asked_.wait(lock, stop, [&] { return !jobs_.empty(); }) && !stop.stop_requested()) {
    work_on(*jobs_.front(), lock);
  }
}

void LoaderPool::work_on(LoaderJob& job, std::unique_lock<std::mutex>& lock) {
  const std::int64_t begin = job.taken_, end = std::min(begin + job.grain_, job.items_);
  job.taken_ = end;
  if (end == job.items_) std::erase(jobs_, &job);
  ++job.running_;
  lock.unlock();
  std::int64_t item = begin;
  std::exception_ptr error;
  try {
    for (; item < end; ++item) job.work_(item);
  } catch (...) {
    error = std::current_exception();
  }
  lock.lock();
  if (error && item < job.failed_) {
    job.failed_ = item;
    job.error_ = error;
  }
  if (--job.running_ == 0) done_.notify_all();
}

LoaderJob::LoaderJob(LoaderPool& pool, std::int64_t items, std::int64_t grain, Work work)
    : pool_(pool), items_(items), grain_(grain), work_(std::move(work)), failed_(items) {
  DRIFT_ASSERT(items >= 0 && grain > 0, "{} items by {}", items, grain);
  if (items == 0 || pool.count_ == 0) return;
  {
    const std::lock_guard lock(pool_.mutex_);
    pool_.jobs_.push_back(this);
  }
  pool_.asked_.notify_all();
}

LoaderJob::~LoaderJob() {
  std::unique_lock lock(pool_.mutex_);
  std::erase(pool_.jobs_, this);
  pool_.done_.wait(lock, [&] { return running_ == 0; });
}

void LoaderJob::finish() {
  std::unique_lock lock(pool_.mutex_);
  while (taken_ < items_) pool_.work_on(*this, lock);
  pool_.done_.wait(lock, [&] { return running_ == 0; });
  if (error_) std::rethrow_exception(error_);
}

}  // namespace drift
