#include "tests/reference/group_norm.h"

#include <cmath>

namespace drift::reference {
namespace {

// Calls f(row, c) for the pixels and channels of one group of one sample.
template <class F>
void for_each_member(const Shape& x, std::int64_t groups, std::int64_t sample, std::int64_t group, const F& f) {
  const std::int64_t pixels = x[1] * x[2];
  const std::int64_t width = x[3] / groups;
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
    for (std::int64_t c = group * width; c < (group + 1) * width; ++c) f(sample * pixels + pixel, c);
  }
}

double members(const Shape& x, std::int64_t groups) {
  return static_cast<double>(x[1] * x[2] * (x[3] / groups));
}

}  // namespace

GroupNormResult group_norm_forward(const Array& x, const Array& gamma, const Array& beta, std::int64_t groups,
                                   double epsilon) {
  const Array statistics({x.shape[0], groups});
  GroupNormResult result{Array(x.shape), statistics, statistics, statistics};
  const double count = members(x.shape, groups);
  for (std::int64_t n = 0; n < x.shape[0]; ++n) {
    for (std::int64_t group = 0; group < groups; ++group) {
      double& mean = result.mean.at(n, group);
      double& var = result.var.at(n, group);
      for_each_member(x.shape, groups, n, group, [&](auto row, auto c) { mean += x.at(row, c) / count; });
      for_each_member(x.shape, groups, n, group,
                      [&](auto row, auto c) { var += (x.at(row, c) - mean) * (x.at(row, c) - mean) / count; });
      const double inv_std = result.inv_std.at(n, group) = 1 / std::sqrt(var + epsilon);
      for_each_member(x.shape, groups, n, group, [&](auto row, auto c) {
        result.y.at(row, c) = (x.at(row, c) - mean) * inv_std * gamma[c] + beta[c];
      });
    }
  }
  return result;
}

GroupNormGradients group_norm_backward(const Array& dy, const Array& x, const Array& mean, const Array& inv_std,
                                       const Array& gamma, std::int64_t groups) {
  GroupNormGradients gradients{Array(x.shape), Array(gamma.shape), Array(gamma.shape)};
  const double count = members(x.shape, groups);
  for (std::int64_t n = 0; n < x.shape[0]; ++n) {
    for (std::int64_t group = 0; group < groups; ++group) {
      const double scale = inv_std.at(n, group);
      const auto xhat = [&](auto row, auto c) { return (x.at(row, c) - mean.at(n, group)) * scale; };
      double mean_g = 0;   // of g = gamma dy over the group
      double mean_gx = 0;  // of g xhat
      for_each_member(x.shape, groups, n, group, [&](auto row, auto c) {
        gradients.dgamma[c] += dy.at(row, c) * xhat(row, c);
        gradients.dbeta[c] += dy.at(row, c);
        mean_g += gamma[c] * dy.at(row, c) / count;
        mean_gx += gamma[c] * dy.at(row, c) * xhat(row, c) / count;
      });
      for_each_member(x.shape, groups, n, group, [&](auto row, auto c) {
        gradients.dx.at(row, c) = scale * (gamma[c] * dy.at(row, c) - mean_g - xhat(row, c) * mean_gx);
      });
    }
  }
  return gradients;
}

}  // namespace drift::reference
