// Waiting in a thread that may be asked to stop (std::jthread).
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace drift {

// Waits so long, or until asked to stop; returns whether it was.
inline bool stopped_within(const std::stop_token& stop, double seconds) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, std::chrono::duration<double>(seconds), [] { return false; });
  return stop.stop_requested();
}

}  // namespace drift
