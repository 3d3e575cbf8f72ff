// BackgroundMean: means over all workers of a team that are taken while the workers of this process go on computing.
// Each worker offers its spans one after the other; the i-th spans of all workers become their mean, in that order, bit
// for bit that of Communicator::all_reduce_mean(). On CPUs a thread of the process takes them; nothing else may use
// the exchange meanwhile.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "comm/communicator.h"
#include "comm/exchange.h"
#include "comm/team.h"
#include "kernels/backend.h"

namespace drift {

class BackgroundMean {
 public:
  // exchange: with the other processes; nullptr if there are none.
  BackgroundMean(const Team& team, std::shared_ptr<Exchange> exchange);
  // Nobody offers anything any more, and all was waited for, or it was aborted.
  ~BackgroundMean();
  BackgroundMean(const BackgroundMean&) = delete;
  BackgroundMean& operator=(const BackgroundMean&) = delete;

  // Starts the thread, unless another worker has.
  void begin();
  // The next span of the worker at `place` of this process, which travels as `wire`. It must not be touched until it
  // was waited for.
  void start(int place, std::span<float> values, DType wire);
  // For the oldest span of this worker that was not waited for; when its mean was taken. Throws what went wrong,
  // anywhere.
  MeanTimes wait(int place);
  // Whoever waits, or comes later, throws kComm with this reason. Callable from any thread. What is under way ends when
  // the exchange is aborted too.
  void abort(std::string_view reason) noexcept;
  // Then returns once the thread touches no span any more; so do the others before they throw.
  void settle() noexcept;

 private:
  struct Item {
    std::vector<float*> replicas;  // by place
    std::int64_t elements = 0;
    DType wire = DType::kFloat32;
    int offered = 0;
    std::int64_t number = 0;  // of Exchange::means_done(), once it is done
    double begin = 0;         // when it was begun
  };

  [[noreturn]] void rethrow(std::unique_lock<std::mutex>& lock);
  void run(const std::stop_token& stop);
  void idle();  // with the lock held
  // The first that is not begun; with the lock held.
  bool is_offered() const;
  void begin_mean(Item& item, Backend& backend);
  // Does one thing more for what was begun; whether the oldest of it is done.
  bool advance(const Item& oldest, Backend& backend);
  void fail(std::exception_ptr error) noexcept;

  Team team_;
  std::shared_ptr<Exchange> exchange_;
  std::mutex mutex_;
  std::condition_variable_any offered_, done_;
  std::deque<Item> items_;             // not done
  std::size_t begun_ = 0;              // of them, the first ones; written by the thread
  std::int64_t finished_ = 0;          // items so far
  std::deque<MeanTimes> times_;        // of the last of these: all that somebody has not waited for
  std::vector<std::int64_t> started_;  // by place: items that it offered a span for
  std::vector<std::int64_t> waited_;   // by place: items that it waited for
  bool busy_ = false;                  // the thread touches spans
  std::exception_ptr error_;
  // The thread's: of the item that it began last, and when it was through with the last.
  std::int64_t number_ = 0;
  double end_ = 0;
  std::jthread thread_;  // last: it uses the rest
};

}  // namespace drift
