// Means over seeds and how sure they are: 95 % confidence intervals by Student's t distribution.
#pragma once

#include <span>

namespace drift {

struct Estimate {
  std::size_t count = 0;
  double mean = 0;
  double half_width = 0;  // of the 95 % interval; infinite for fewer than two values

  double low() const { return mean - half_width; }
  double high() const { return mean + half_width; }
};

// Of independent values of one distribution. No values: a mean that is NaN.
Estimate estimate_mean(std::span<const double> values);

// Of the values without a quarter at each end, rounded; of at least one, in the order that says which ends those are.
double middle_mean(std::span<const double> ordered);

// P(T <= t) for Student's T with so many degrees of freedom, at least 1 (Abramowitz and Stegun 26.7.3 and 26.7.4).
double student_cdf(double t, int degrees_of_freedom);

// The t with student_cdf(t) = p, for p in (0.5, 1).
double student_quantile(double p, int degrees_of_freedom);

}  // namespace drift
