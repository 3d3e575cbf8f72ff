// Clock: seconds since some fixed moment, behind an interface so that tests of what measures time need no real time.
#pragma once

#include <chrono>
#include <string>

namespace drift {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual double seconds() const = 0;  // never goes back; callable from any thread
};

inline const Clock& steady_clock() {
  class SteadyClock final : public Clock {
    double seconds() const override {
      return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
    }
  };
  static const SteadyClock clock;
  return clock;
}

// Of the clock on the wall: 2026-01-31T12:00:00Z.
std::string utc_time();

}  // namespace drift
