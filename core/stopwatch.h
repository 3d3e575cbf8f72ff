// Stopwatch and Lap: wall time, for what a run reports; it never decides what is computed.
#pragma once

#include <utility>

#include "core/clock.h"

namespace drift {

class Stopwatch {
 public:
  // Since construction or the last lap().
  double seconds() const { return steady_clock().seconds() - start_; }
  // Seconds of the lap that ends now; the next one starts.
  double lap() {
    const double now = steady_clock().seconds();
    return now - std::exchange(start_, now);
  }

 private:
  double start_ = steady_clock().seconds();
};

// Adds the seconds of its scope to a sum.
class Lap {
 public:
  explicit Lap(double& sum) : sum_(sum) {}
  ~Lap() { sum_ += watch_.seconds(); }
  Lap(const Lap&) = delete;
  Lap& operator=(const Lap&) = delete;

 private:
  double& sum_;
  Stopwatch watch_;
};

}  // namespace drift
