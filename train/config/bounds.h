// The values that an option may take, where they are an interval.
#pragma once

#include <cmath>
#include <limits>
#include <string>
#include <string_view>

namespace drift::options {

// Both ends belong to the range unless open.
struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool min_open = false;
  bool max_open = false;

  bool contains(double value) const;
  std::string text(std::string_view noun) const;  // "an integer of at least 1", "a number from 0 to 1"
};
// Images, batches or steps: more than any run has of them, and few enough that no product of such counts, the bytes of
// an image and the most workers overflows.
constexpr double kMostCounted = 2147483647;  // 2^31 - 1
constexpr Range counted_from(double min) {
  return {.min = min, .max = kMostCounted};
}
constexpr Range at_least(double min) {
  return {.min = min};
}
constexpr Range above(double min) {
  return {.min = min, .min_open = true};
}

// Whether `value` is finite and not below `least`.
inline bool is_at_least(double value, double least) {
  return std::isfinite(value) && value >= least;
}

}  // namespace drift::options
