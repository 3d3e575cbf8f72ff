// Runs queued operations, one at a time and as late as possible: only when the program waits for something. Of all
// operations that may run (heads of streams, nodes of launched graphs) a random one is taken, so that code which relies
// on an order it did not ask for gives wrong results under some seed.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "tests/emulator/cudart/race.h"
#include "tests/emulator/cudart/stream.h"

namespace drift::emulator {

class Scheduler {
 public:
  Scheduler(std::recursive_mutex& mutex, RaceChecker& races);

  std::shared_ptr<Stream> create(int device, unsigned flags, int priority);
  Stream& default_stream(int device);
  void destroy(const std::shared_ptr<Stream>& stream);  // what is queued still runs

  // The operation starts after `after` and after what the stream's order demands; `graph` is set for a graph's launch.
  std::shared_ptr<Operation> enqueue(Stream& stream, Work work, std::vector<std::shared_ptr<Operation>> after = {},
                                     std::shared_ptr<GraphRun> graph = nullptr);

  // Run until it is done; the host then knows what happened before it.
  void wait(const std::shared_ptr<Operation>& operation, const Clock& clock);
  void wait(Stream& stream);
  void wait_for_device(int device);
  bool run_one();  // false: nothing can run now
  // For calls that ask and do not wait: is it done by the host's time? What can run before it runs.
  bool reached(const std::shared_ptr<Operation>& operation);
  // The running operation read or wrote so many bytes of device memory.
  void count_moved(std::uint64_t bytes) { moved_ += bytes; }
  // Its kernel read the device's timer, which came so far meanwhile.
  void count_timer(Nanoseconds passed) { timer_ = passed; }
  // When it began.
  Nanoseconds begin_of_running() const { return begin_; }

  // The device of the operation that runs now, -1 outside one.
  int running_device() const { return running_ == nullptr ? -1 : running_->device; }
  static bool in_host_function();  // is the calling thread inside one? It may not call CUDA
  std::uint64_t host_functions_run() const { return host_functions_run_; }
  std::uint64_t random() { return random_(); }
  cudaError_t sticky() const { return sticky_; }  // after a fault that did not end the process

 private:
  struct Candidate {
    std::shared_ptr<Stream> stream;
    int node;  // -1: the whole operation
  };
  std::vector<Candidate> candidates();
  bool may_start(const Operation& operation, const std::function<bool()>& gate);
  void run(const Candidate& candidate);
  void finish(const std::shared_ptr<Stream>& stream, Nanoseconds end);
  void forget(const std::shared_ptr<Stream>& stream);
  void run_work(const Work& work, const PinnedGuard& pinned);
  void call_host(const std::function<void()>& function);
  void run_until(const std::function<bool()>& done, const std::string& what);
  void order_with_default_stream(Stream& stream, Operation& operation);

  std::recursive_mutex& mutex_;
  RaceChecker& races_;
  std::condition_variable_any changed_;  // an operation was queued or is done
  std::vector<std::shared_ptr<Stream>> streams_;
  std::vector<std::shared_ptr<Stream>> default_streams_;  // by device
  std::uint32_t next_stream_id_ = 0;
  std::mt19937_64 random_;
  Operation* running_ = nullptr;
  bool gate_closed_ = false;  // something could run but for its gate
  int host_functions_running_ = 0;
  std::uint64_t host_functions_run_ = 0;
  std::uint64_t moved_ = 0;            // bytes of device memory, by the work that runs now
  Nanoseconds begin_ = 0, timer_ = 0;  // of that work
  cudaError_t sticky_ = cudaSuccess;
};

}  // namespace drift::emulator
