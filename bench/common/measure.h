// Timing for benches: runs a warm-up, then samples, and reports median, quartiles and extremes. The machines benches
// run on are shared: the median of many is quoted, ratios come from samples taken in turn.
#pragma once

#include <algorithm>
#include <time.h>
#include <vector>

#include "core/clock.h"

namespace drift::bench {

struct Sample {
  std::vector<double> seconds;  // sorted by sort(); the figures below want it so

  void sort() { std::sort(seconds.begin(), seconds.end()); }
  double at(double quantile) const {
    return seconds[static_cast<std::size_t>(quantile * static_cast<double>(seconds.size() - 1) + 0.5)];
  }
  double median() const { return at(0.5); }
};

// Of the process, all of its threads.
inline double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

template <class Body>
Sample measure(int warm_up, int samples, const Body& body) {
  for (int i = 0; i < warm_up; ++i) body();
  Sample result;
  for (int i = 0; i < samples; ++i) {
    const double start = steady_clock().seconds();
    body();
    result.seconds.push_back(steady_clock().seconds() - start);
  }
  result.sort();
  return result;
}

}  // namespace drift::bench
