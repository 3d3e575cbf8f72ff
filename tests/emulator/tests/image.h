// Images [N,H,W,C] and filters [K,R,S,C] of doubles for reference computations, random values that a bfloat16 holds
// exactly, and comparison of results with references.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <gtest/gtest.h>
#include <random>
#include <vector>

#include "tests/emulator/cudnn/element.h"

namespace drift::emulator::testing {

using Dims = std::array<std::int64_t, 4>;

struct Image {
  explicit Image(Dims image_dims)
      : dims(image_dims), values(static_cast<std::size_t>(dims[0] * dims[1] * dims[2] * dims[3]), 0.0) {}

  double& at(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c) {
    return values[((n * dims[1] + h) * dims[2] + w) * dims[3] + c];
  }
  double at(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c) const {
    return values[((n * dims[1] + h) * dims[2] + w) * dims[3] + c];
  }
  bool contains(std::int64_t h, std::int64_t w) const { return h >= 0 && h < dims[1] && w >= 0 && w < dims[2]; }
  std::int64_t channels() const { return dims[3]; }

  Dims dims;
  std::vector<double> values;
};

inline double as_bfloat16(double value) {
  return to_float(to_bfloat16(static_cast<float>(value)));
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  std::vector<double> vector(std::int64_t size, double low = -1.0, double high = 1.0) {
    std::uniform_real_distribution<double> uniform(low, high);
    std::vector<double> values(static_cast<std::size_t>(size));
    for (double& value : values) value = as_bfloat16(uniform(engine_));
    return values;
  }
  Image image(Dims dims) {
    Image image(dims);
    image.values = vector(static_cast<std::int64_t>(image.values.size()));
    return image;
  }

 private:
  std::mt19937_64 engine_;
};

// Rounding a result to bfloat16 changes it by up to 2^-9 of itself.
inline constexpr double kBfloat16Tolerance = 1.0 / 256;
inline constexpr double kFloat32Tolerance = 1e-5;

// Every value within `tolerance` of the largest expected one.
inline void expect_close(const std::vector<double>& actual, const std::vector<double>& expected, double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  double scale = 0.0;
  for (const double value : expected) scale = std::max(scale, std::abs(value));
  ASSERT_GT(scale, 0.0) << "a reference of zeros shows nothing";
  for (std::size_t i = 0; i < actual.size(); ++i) {
    ASSERT_LE(std::abs(actual[i] - expected[i]), tolerance * scale)
        << "at " << i << ": " << actual[i] << " instead of " << expected[i];
  }
}

}  // namespace drift::emulator::testing
