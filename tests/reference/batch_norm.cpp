#include "tests/reference/batch_norm.h"

#include <cmath>

namespace drift::reference {
namespace {

void batch_statistics(const Array& x, double epsilon, BatchNormResult& result) {
  const std::int64_t rows = x.shape.rows();
  const std::int64_t channels = x.shape.channels();
  result.mean = result.var = result.inv_std = Array({channels});
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t row = 0; row < rows; ++row) result.mean[c] += x.at(row, c) / static_cast<double>(rows);
    for (std::int64_t row = 0; row < rows; ++row) {
      const double centred = x.at(row, c) - result.mean[c];
      result.var[c] += centred * centred / static_cast<double>(rows);
    }
    result.inv_std[c] = 1 / std::sqrt(result.var[c] + epsilon);
  }
}

Array normalised(const Array& x, const Array& z, const Array& gamma, const Array& beta, const Array& mean,
                 const Array& inv_std) {
  Array y(x.shape);
  for (std::int64_t row = 0; row < x.shape.rows(); ++row) {
    for (std::int64_t c = 0; c < x.shape.channels(); ++c) {
      y.at(row, c) = (x.at(row, c) - mean[c]) * inv_std[c] * gamma[c] + beta[c];
      if (z.given()) y.at(row, c) += z.at(row, c);
    }
  }
  return y;
}

Array relu(const Array& x) {
  Array y = x;
  for (double& value : y.values) value = value <= 0 ? 0 : value;
  return y;
}

void finish(const Array& before_relu, const BatchNormOptions& options, BatchNormResult& result) {
  result.before_relu = before_relu;
  result.y = options.relu ? relu(before_relu) : before_relu;
  if (!options.relu) return;
  result.mask = Array(before_relu.shape);
  for (std::int64_t i = 0; i < before_relu.elements(); ++i) result.mask[i] = before_relu[i] <= 0 ? 0 : 1;
}

}  // namespace

BatchNormResult batch_norm_forward(const Array& x, const Array& z, const Array& gamma, const Array& beta,
                                   const Array& running_mean, const Array& running_var,
                                   const BatchNormOptions& options) {
  BatchNormResult result;
  batch_statistics(x, options.epsilon, result);
  finish(normalised(x, z, gamma, beta, result.mean, result.inv_std), options, result);
  if (running_mean.given()) {
    result.running_mean = running_mean;
    result.running_var = running_var;
    const double rows = static_cast<double>(x.shape.rows());
    for (std::int64_t c = 0; c < x.shape.channels(); ++c) {
      const double unbiased = result.var[c] * rows / (rows - 1);
      result.running_mean[c] = (1 - options.momentum) * running_mean[c] + options.momentum * result.mean[c];
      result.running_var[c] = (1 - options.momentum) * running_var[c] + options.momentum * unbiased;
    }
  }
  return result;
}

BatchNormResult batch_norm_inference(const Array& x, const Array& z, const Array& gamma, const Array& beta,
                                     const Array& mean, const Array& var, const BatchNormOptions& options) {
  BatchNormResult result;
  result.inv_std = Array(var.shape);
  for (std::int64_t c = 0; c < var.elements(); ++c) result.inv_std[c] = 1 / std::sqrt(var[c] + options.epsilon);
  finish(normalised(x, z, gamma, beta, mean, result.inv_std), options, result);
  return result;
}

BatchNormGradients batch_norm_backward(const Array& dy, const Array& dy2, const Array& mask, const Array& x,
                                       const Array& mean, const Array& inv_std, const Array& gamma,
                                       NormStatistics statistics) {
  const std::int64_t rows = x.shape.rows();
  const std::int64_t channels = x.shape.channels();
  BatchNormGradients gradients{Array(x.shape), Array(x.shape), Array({channels}), Array({channels})};
  Array& g = gradients.dz;
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    g[i] = (dy[i] + (dy2.given() ? dy2[i] : 0)) * (mask.given() ? mask[i] : 1);
  }
  for (std::int64_t c = 0; c < channels; ++c) {
    const auto xhat = [&](std::int64_t row) { return (x.at(row, c) - mean[c]) * inv_std[c]; };
    for (std::int64_t row = 0; row < rows; ++row) {
      gradients.dgamma[c] += g.at(row, c) * xhat(row);
      gradients.dbeta[c] += g.at(row, c);
    }
    const double mean_g = gradients.dbeta[c] / static_cast<double>(rows);
    const double mean_gx = gradients.dgamma[c] / static_cast<double>(rows);
    for (std::int64_t row = 0; row < rows; ++row) {
      const double through_statistics = statistics == NormStatistics::kBatch ? mean_g + xhat(row) * mean_gx : 0;
      gradients.dx.at(row, c) = gamma[c] * inv_std[c] * (g.at(row, c) - through_statistics);
    }
  }
  return gradients;
}

}  // namespace drift::reference
