#include "comm/background_mean.h"

#include <algorithm>
#include <string>
#include <utility>

#include "comm/team_mean.h"
#include "core/background_thread.h"
#include "core/check.h"
#include "core/clock.h"
#include "core/thread_team.h"

namespace drift {

BackgroundMean::BackgroundMean(const Team& team, std::shared_ptr<Exchange> exchange)
    : team_(team),
      exchange_(std::move(exchange)),
      started_(static_cast<std::size_t>(team.local_workers())),
      waited_(static_cast<std::size_t>(team.local_workers())) {}

BackgroundMean::~BackgroundMean() = default;

void BackgroundMean::begin() {
  const std::lock_guard lock(mutex_);
  if (thread_.joinable()) return;
  thread_ = start_thread("averages in the background", [this](const std::stop_token& stop) { run(stop); });
}

void BackgroundMean::start(int place, std::span<float> values, DType wire) {
  const auto mine = static_cast<std::size_t>(place);
  std::unique_lock lock(mutex_);
  if (error_) rethrow(lock);
  DRIFT_ASSERT(thread_.joinable(), "a mean in the background before begin()");
  const auto index = static_cast<std::size_t>(started_[mine]++ - finished_);
  if (index == items_.size()) {
    items_.push_back({.replicas = std::vector<float*>(started_.size()), .elements = std::ssize(values), .wire = wire});
  }
  Item& item = items_[index];
  DRIFT_ASSERT(item.elements == std::ssize(values) && item.wire == wire,
               "worker {} offers {} floats where others offer {}", team_.first_worker() + place, values.size(),
               item.elements);
  item.replicas[mine] = values.data();
  if (++item.offered == std::ssize(started_)) offered_.notify_all();
}

MeanTimes BackgroundMean::wait(int place) {
  std::unique_lock lock(mutex_);
  const std::int64_t item = waited_[static_cast<std::size_t>(place)];
  done_.wait(lock, [&] { return error_ || finished_ > item; });
  if (finished_ <= item) rethrow(lock);
  const std::int64_t oldest = finished_ - std::ssize(times_);
  const MeanTimes times = times_[static_cast<std::size_t>(item - oldest)];
  ++waited_[static_cast<std::size_t>(place)];
  if (item == oldest && std::ranges::min(waited_) > oldest) times_.pop_front();
  return times;
}

void BackgroundMean::rethrow(std::unique_lock<std::mutex>& lock) {
  done_.wait(lock, [&] { return !busy_; });
  std::rethrow_exception(error_);
}

void BackgroundMean::settle() noexcept {
  std::unique_lock lock(mutex_);
  done_.wait(lock, [&] { return !busy_; });
}

void BackgroundMean::abort(std::string_view reason) noexcept {
  fail(std::make_exception_ptr(Error(ErrorKind::kComm, std::string(reason), {}, std::source_location::current())));
}

void BackgroundMean::fail(std::exception_ptr error) noexcept {
  const std::lock_guard lock(mutex_);
  if (!error_) error_ = std::move(error);
  offered_.notify_all();
  done_.notify_all();
}

void BackgroundMean::idle() {
  busy_ = false;
  if (error_) done_.notify_all();
}

bool BackgroundMean::is_offered() const {
  return begun_ < items_.size() && items_[begun_].offered == std::ssize(started_);
}

void BackgroundMean::run(const std::stop_token& stop) {
  try {
    become_background_thread();
    const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
    const std::unique_ptr<Backend> backend = make_backend(*stream);
    std::unique_lock lock(mutex_);
    for (;;) {
      if (begun_ == 0) offered_.wait(lock, stop, [&] { return error_ || is_offered(); });
      if (error_ || (begun_ == 0 && !is_offered())) return;
      if (is_offered()) {
        Item& next = items_[begun_++];
        busy_ = true;
        lock.unlock();
        begin_mean(next, *backend);
        lock.lock();
        idle();
        continue;
      }
      const Item& oldest = items_.front();
      busy_ = true;
      lock.unlock();
      const bool done = advance(oldest, *backend);
      const MeanTimes times{.begin = std::max(oldest.begin, end_), .end = steady_clock().seconds()};
      lock.lock();
      idle();
      if (!done) continue;
      end_ = times.end;
      items_.pop_front();
      --begun_;
      ++finished_;
      times_.push_back(times);
      done_.notify_all();
    }
  } catch (...) {
    fail(std::current_exception());
    const std::lock_guard lock(mutex_);
    idle();
  }
}

void BackgroundMean::begin_mean(Item& item, Backend& backend) {
  item.begin = steady_clock().seconds();
  if (!exchange_) return mean_here(item.replicas, item.elements, item.wire, backend);
  if (begun_ == 1) number_ = exchange_->means_done();  // nothing else is under way
  item.number = ++number_;
  sum_into_first(item.replicas, item.elements, item.wire, backend);
  exchange_->begin_mean({item.replicas.front(), static_cast<std::size_t>(item.elements)}, item.wire, backend);
}

bool BackgroundMean::advance(const Item& oldest, Backend& backend) {
  if (!exchange_) return true;
  if (exchange_->means_done() < oldest.number) exchange_->advance_means(backend);
  if (exchange_->means_done() < oldest.number) return false;
  copy_from_first(oldest.replicas, oldest.elements, backend);
  return true;
}

}  // namespace drift
