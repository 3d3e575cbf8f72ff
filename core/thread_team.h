// Starting threads, which the system may refuse. Whoever cannot have one says so; and where several work together, none
// begins before all are there, so that nobody waits for one that never came.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <stop_token>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace drift {

// Throws kDevice: no thread for `purpose`, and why.
[[noreturn]] void refuse_thread(std::string_view purpose, const std::exception& error);

template <class Body>
std::jthread start_thread(std::string_view purpose, Body&& body) {
  try {
    return std::jthread(std::forward<Body>(body));
  } catch (const std::system_error& error) {
    refuse_thread(purpose, error);
  }
}

class ThreadTeam {
 public:
  using Body = std::function<void(int thread, const std::stop_token& stop)>;

  // Starts `count` threads that run body(0) to body(count - 1). Throws kDevice, once all that were started have left,
  // if one of them cannot be; then none has run any of it.
  ThreadTeam(std::string_view purpose, int count, Body body);
  // Asks all to stop, and waits for them.
  ~ThreadTeam() = default;
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

 private:
  enum class Start { kWaiting, kBegin, kGiveUp };
  void tell(Start start);

  const Body body_;
  std::atomic<Start> start_{Start::kWaiting};
  std::vector<std::jthread> threads_;  // last: joined before anything they use goes
};

}  // namespace drift
