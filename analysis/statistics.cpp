#include "analysis/statistics.h"

#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "core/check.h"

namespace drift {

Estimate estimate_mean(std::span<const double> values) {
  const auto count = static_cast<double>(values.size());
  Estimate estimate{.count = values.size(),
                    .mean = values.empty() ? std::numeric_limits<double>::quiet_NaN()
                                           : std::accumulate(values.begin(), values.end(), 0.0) / count,
                    .half_width = std::numeric_limits<double>::infinity()};
  if (values.size() < 2) return estimate;
  double squares = 0;
  for (const double value : values) squares += (value - estimate.mean) * (value - estimate.mean);
  const double standard_error = std::sqrt(squares / (count - 1) / count);
  estimate.half_width = student_quantile(0.975, static_cast<int>(values.size()) - 1) * standard_error;
  return estimate;
}

double middle_mean(std::span<const double> ordered) {
  DRIFT_ASSERT(!ordered.empty(), "no values have no mean");
  const std::size_t left_out = (ordered.size() + 1) / 4;
  const std::span<const double> middle = ordered.subspan(left_out, ordered.size() - 2 * left_out);
  return std::accumulate(middle.begin(), middle.end(), 0.0) / static_cast<double>(middle.size());
}

double student_cdf(double t, int degrees_of_freedom) {
  DRIFT_ASSERT(degrees_of_freedom >= 1, "{} degrees of freedom", degrees_of_freedom);
  const double angle = std::atan(t / std::sqrt(degrees_of_freedom));
  const double cosine2 = std::cos(angle) * std::cos(angle);
  const bool odd = degrees_of_freedom % 2 == 1;
  // A(t) = P(|T| <= t): a sum of powers of cos(angle), of which each is the one before times cos^2 and a ratio.
  double sum = 0, term = odd ? std::cos(angle) : 1;
  for (int k = odd ? 1 : 0; k <= degrees_of_freedom - 2; k += 2) {
    sum += term;
    term *= cosine2 * (k + 1) / (k + 2);
  }
  const double within = odd ? (angle + std::sin(angle) * sum) * 2 / std::numbers::pi : std::sin(angle) * sum;
  return 0.5 + 0.5 * within;
}

double student_quantile(double p, int degrees_of_freedom) {
  DRIFT_ASSERT(p > 0.5 && p < 1, "p = {}", p);
  double low = 0, high = 1;
  while (student_cdf(high, degrees_of_freedom) < p) high *= 2;
  for (int i = 0; i < 100; ++i) {
    const double middle = 0.5 * (low + high);
    (student_cdf(middle, degrees_of_freedom) < p ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

}  // namespace drift
