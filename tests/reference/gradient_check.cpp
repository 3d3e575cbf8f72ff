#include "tests/reference/gradient_check.h"

#include <cmath>
#include <gtest/gtest.h>

#include "core/rng.h"

namespace drift::reference {
namespace {

double weighted_sum(const Array& y, const Array& dy) {
  double sum = 0;
  for (std::int64_t i = 0; i < y.elements(); ++i) sum += y[i] * dy[i];
  return sum;
}

}  // namespace

Array random_array(const Shape& shape, std::uint64_t stream, double mean, double std) {
  const Rng rng(1, stream_id(Purpose::kTest, 1, stream));
  Array result(shape);
  for (std::int64_t i = 0; i < result.elements(); ++i) {
    result[i] = mean + std * rng.normal(static_cast<std::uint64_t>(i));
  }
  return result;
}

void expect_gradients(const Forward& forward, const std::vector<Array>& inputs, const Array& dy,
                      const std::vector<Array>& gradients) {
  ASSERT_EQ(inputs.size(), gradients.size());
  // Truncation is about step^2 L''' / 6 ~ 1e-10, rounding about 1e-16 |L| / step ~ 1e-10: 1e-7 leaves room for L''' of
  // hundreds.
  constexpr double kStep = 1e-5;
  constexpr double kTolerance = 1e-7;
  for (std::size_t input = 0; input < inputs.size(); ++input) {
    ASSERT_EQ(inputs[input].shape, gradients[input].shape);
    std::vector<Array> moved = inputs;
    for (std::int64_t i = 0; i < inputs[input].elements(); ++i) {
      moved[input][i] = inputs[input][i] + kStep;
      const double above = weighted_sum(forward(moved), dy);
      moved[input][i] = inputs[input][i] - kStep;
      const double below = weighted_sum(forward(moved), dy);
      moved[input][i] = inputs[input][i];
      const double difference = (above - below) / (2 * kStep);
      ASSERT_NEAR(gradients[input][i], difference, kTolerance * (1 + std::abs(difference)))
          << "input " << input << " entry " << i;
    }
  }
}

}  // namespace drift::reference
