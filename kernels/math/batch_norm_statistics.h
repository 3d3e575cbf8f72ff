// The few numbers per channel between the column sums and the maps of batch normalisation (batch_norm.h), in double:
// each functor turns the sums of one channel into what the maps and the caller need.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/math/packet.h"
#include "kernels/op.h"

namespace drift {
inline namespace DRIFT_PACKETS {

// The shift that MomentSums takes off: the mean of a few rows spread over each segment. It need only be near the mean:
// the variance's error grows by 1 + (mean - shift)^2 / variance, which one row alone would let reach 10. i counts
// [segments, C].
template <class T>
struct SampledMeans {
  static constexpr std::int64_t kSamples = 16;
  const T* x;
  float* shift;
  std::int64_t rows, columns;  // rows of one segment

  DRIFT_HD void operator()(std::int64_t i) const {
    const T* const first = x + i / columns * rows * columns + i % columns;
    const std::int64_t samples = rows < kSamples ? rows : kSamples;
    float sum = 0;
    for (std::int64_t k = 0; k < samples; ++k) sum += to_float(first[k * rows / samples * columns]);
    shift[i] = sum / static_cast<float>(samples);
  }
};

// From the sums of (x - shift) and of (x - shift)^2.
struct BatchNormStatistics {
  const float* shift;
  const float* gamma;
  float* mean;
  float* inv_std;
  float* scale;         // gamma inv_std
  float* running_mean;  // or nullptr
  float* running_var;
  double rows;
  float epsilon, momentum;

  static BatchNormStatistics of(const BatchNormForward& args, const float* shift, float* scale) {
    return {shift,
            args.gamma.as<float>(),
            args.mean.as<float>(),
            args.inv_std.as<float>(),
            scale,
            args.running_mean.as<float>(),
            args.running_var.as<float>(),
            static_cast<double>(args.x.shape.rows()),
            args.epsilon,
            args.momentum};
  }

  DRIFT_HD void operator()(std::int64_t, std::int64_t c, const double (&sums)[2]) const {
    const double offset = sums[0] / rows;
    const double spread = sums[1] / rows - offset * offset;
    const double variance = spread < 0.0 ? 0.0 : spread;  // a NaN stays
    const double inverse = 1.0 / std::sqrt(variance + epsilon);
    mean[c] = static_cast<float>(shift[c] + offset);
    inv_std[c] = static_cast<float>(inverse);
    scale[c] = static_cast<float>(gamma[c] * inverse);
    if (running_mean == nullptr) return;
    const double unbiased = variance * rows / (rows > 2 ? rows - 1 : 1.0);
    running_mean[c] = static_cast<float>((1.0 - momentum) * running_mean[c] + momentum * (shift[c] + offset));
    running_var[c] = static_cast<float>((1.0 - momentum) * running_var[c] + momentum * unbiased);
  }
};

struct BatchNormInferenceScale {
  const float* gamma;
  const float* var;
  float* scale;
  float* inv_std;  // or nullptr
  float epsilon;

  DRIFT_HD void operator()(std::int64_t c) const {
    const double deviation = std::sqrt(double{var[c]} + epsilon);
    scale[c] = static_cast<float>(gamma[c] / deviation);
    if (inv_std != nullptr) inv_std[c] = static_cast<float>(1.0 / deviation);
  }
};

// From the sums of g and of g (x - mean): the parameters' gradients and the a, b, c of NormBackwardApply, or the
// a of FrozenNormBackwardApply.
struct BatchNormGradients {
  const float* inv_std;
  const float* gamma;
  float* dgamma;
  float* dbeta;
  float* a;
  float* b;  // or nullptr, like c
  float* c;
  double rows;

  DRIFT_HD void operator()(std::int64_t, std::int64_t i, const double (&sums)[2]) const {
    const double inverse = inv_std[i];
    const double weighted = sums[1] * inverse;  // sum of g xhat
    dbeta[i] = static_cast<float>(sums[0]);
    dgamma[i] = static_cast<float>(weighted);
    set_factors(i, sums[0], weighted);
  }
  // Where dgamma and dbeta are there.
  DRIFT_HD void from_parameters(std::int64_t i) const { set_factors(i, dbeta[i], dgamma[i]); }

  DRIFT_HD void set_factors(std::int64_t i, double sum, double weighted) const {
    const double inverse = inv_std[i], factor = gamma[i] * inverse;
    a[i] = static_cast<float>(factor);
    if (b == nullptr) return;
    b[i] = static_cast<float>(factor * sum / rows);
    c[i] = static_cast<float>(factor * inverse * weighted / rows);
  }
};

}  // namespace DRIFT_PACKETS
}  // namespace drift
