// How far results may be from golden ones: a few times what PyTorch's own float32 is off, where that happens to be
// small one rounding per layer. Another order of the same float32 operations, and Winograd's form, stay within.
#pragma once

#include <cmath>
#include <vector>

namespace drift::testing {

inline constexpr double kUnit = 0x1p-24;
inline constexpr double kFactor = 8;
inline constexpr double kLayers = 16;

inline double norm(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return std::sqrt(sum);
}

inline double root_mean_square(const std::vector<double>& values) {
  return norm(values) / std::sqrt(static_cast<double>(values.size()));
}

// relative: so is the result.
inline double allowed(double deviation) {
  return kFactor * deviation + kLayers * kUnit;
}

}  // namespace drift::testing
