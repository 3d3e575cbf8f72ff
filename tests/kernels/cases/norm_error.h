// Error bounds shared by batch and group norm: of the float32 statistics of n numbers, and of what is normalised with
// them.
#pragma once

#include <cmath>

#include "tests/kernels/tolerance.h"

namespace drift::testing {

struct Statistics {
  std::int64_t count;
  double mean, mean_absolute, var, inv_std;
};

struct StatisticsError {
  double mean = 0, var = 0, inv_std = 0;  // absolute
};

// var: Chan, Golub and LeVeque 1983, see batch_norm_cases.cpp. inv_std = (var + epsilon)^(-1/2): its derivative is
// -inv_std^3 / 2; adding epsilon, the root and the division round three times.
inline StatisticsError statistics_error(const Statistics& s) {
  const double relative = sum_error(s.count) + 4 * kUnit;
  StatisticsError error;
  error.mean = relative * s.mean_absolute;
  error.var = relative * std::sqrt(s.var * (s.var + s.mean * s.mean)) + relative * relative * s.mean * s.mean;
  error.inv_std = s.inv_std * (s.inv_std * s.inv_std * error.var / 2 + 3 * kUnit);
  return error;
}

// Of (x - mean) inv_std, or x inv_std - mean inv_std.
inline double xhat_error(double x, double mean, double inv_std) {
  return 3 * kUnit * inv_std * (std::abs(x) + std::abs(mean));
}

struct Normalisation {
  double mean, inv_std, gamma;
};

// Of (x - mean) inv_std gamma, also when computed as x (inv_std gamma) - mean (inv_std gamma): four roundings of its
// largest part.
inline double normalised_error(double x, const Normalisation& n, const StatisticsError& error) {
  const double gamma = std::abs(n.gamma);
  return gamma * (n.inv_std * error.mean + std::abs(x - n.mean) * error.inv_std +
                  4 * kUnit * n.inv_std * (std::abs(x) + std::abs(n.mean)));
}

}  // namespace drift::testing
