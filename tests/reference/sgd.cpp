#include "tests/reference/sgd.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/dtype.h"

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

namespace {

// round(x): what becomes of each replica, each sum and the mean.
template <class Real, class Round>
std::vector<Real> tree_average_of(std::vector<std::vector<Real>> replicas, std::int64_t divisor, const Round& round) {
  const std::size_t count = replicas.size();
  for (std::vector<Real>& replica : replicas) {
    for (Real& value : replica) value = round(value);
  }
  for (std::size_t distance = 1; distance < count; distance *= 2) {
    for (std::size_t k = 0; k + distance < count; k += 2 * distance) {
      for (std::size_t i = 0; i < replicas[k].size(); ++i) {
        replicas[k][i] = round(replicas[k][i] + replicas[k + distance][i]);
      }
    }
  }
  const Real scale = Real(1) / static_cast<Real>(divisor > 0 ? divisor : static_cast<std::int64_t>(count));
  for (Real& value : replicas[0]) value = round(value * scale);
  return replicas[0];
}

float rounded(float value) {
  return to_float(from_float<BFloat16>(value));
}

}  // namespace

template <class Real>
std::vector<Real> tree_average(std::vector<std::vector<Real>> replicas, std::int64_t divisor) {
  return tree_average_of(std::move(replicas), divisor, [](Real value) { return value; });
}

std::vector<float> rounded_tree_average(std::vector<std::vector<float>> replicas, std::int64_t divisor) {
  return tree_average_of(std::move(replicas), divisor, rounded);
}

void compress(std::span<const float> start, std::span<float> error, std::span<float> x) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    float d = x[i];
    if (!start.empty()) d = d - start[i];
    if (!error.empty()) d = d + error[i];
    x[i] = rounded(d);
    if (!error.empty()) error[i] = d - x[i];
  }
}

template void sgd_update(const SgdOptions<float>&, std::span<const float>, std::span<float>, std::span<float>);
template void sgd_update(const SgdOptions<double>&, std::span<const double>, std::span<double>, std::span<double>);
template void outer_update(const SgdOptions<float>&, std::span<const float>, std::span<float>, std::span<float>);
template void outer_update(const SgdOptions<double>&, std::span<const double>, std::span<double>, std::span<double>);
template std::vector<float> tree_average(std::vector<std::vector<float>>, std::int64_t);
template std::vector<double> tree_average(std::vector<std::vector<double>>, std::int64_t);

}  // namespace drift::reference
