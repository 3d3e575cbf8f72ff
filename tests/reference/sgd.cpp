#include "tests/reference/sgd.h"

#include <algorithm>
#include <cmath>

namespace drift::reference {

double clip_scale(std::span<const double> g, double max_norm) {
  double squares = 0;
  for (const double value : g) squares += value * value;
  const double scale = max_norm / (std::sqrt(squares) + 1e-6);
  return std::isnan(scale) ? scale : std::min(1.0, scale);
}

template <class Real>
void sgd_update(const SgdOptions<Real>& options, std::span<const Real> g, std::span<Real> v, std::span<Real> w) {
  for (std::size_t i = 0; i < w.size(); ++i) {
    const Real decayed = g[i] + options.weight_decay * w[i];
    v[i] = options.momentum * v[i] + decayed;
    const Real direction = options.nesterov ? decayed + options.momentum * v[i] : v[i];
    w[i] = w[i] - options.lr * direction;
  }
}

template <class Real>
void outer_update(const SgdOptions<Real>& options, std::span<const Real> start, std::span<Real> v, std::span<Real> w) {
  for (std::size_t i = 0; i < w.size(); ++i) {
    const Real way = w[i] - start[i];
    v[i] = options.momentum == 0 ? way : options.momentum * v[i] + way;
    const Real direction = options.nesterov ? way + options.momentum * v[i] : v[i];
    w[i] = w[i] - (way - options.lr * direction);
  }
}

template <class Real>
std::vector<Real> tree_average(std::vector<std::vector<Real>> replicas, std::int64_t divisor) {
  const std::size_t count = replicas.size();
  for (std::size_t distance = 1; distance < count; distance *= 2) {
    for (std::size_t k = 0; k + distance < count; k += 2 * distance) {
      for (std::size_t i = 0; i < replicas[k].size(); ++i) replicas[k][i] += replicas[k + distance][i];
    }
  }
  const Real scale = Real(1) / static_cast<Real>(divisor > 0 ? divisor : static_cast<std::int64_t>(count));
  for (Real& value : replicas[0]) value *= scale;
  return replicas[0];
}

template void sgd_update(const SgdOptions<float>&, std::span<const float>, std::span<float>, std::span<float>);
template void sgd_update(const SgdOptions<double>&, std::span<const double>, std::span<double>, std::span<double>);
template void outer_update(const SgdOptions<float>&, std::span<const float>, std::span<float>, std::span<float>);
template void outer_update(const SgdOptions<double>&, std::span<const double>, std::span<double>, std::span<double>);
template std::vector<float> tree_average(std::vector<std::vector<float>>, std::int64_t);
template std::vector<double> tree_average(std::vector<std::vector<double>>, std::int64_t);

}  // namespace drift::reference
