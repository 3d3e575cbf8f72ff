// Batch normalisation (Ioffe and Szegedy 2015, algorithm 1) with the optional residual and ReLU that the engine fuses
// into it. The ReLU's mask is one byte per element here; packing it into bits is the backend's layout, not maths.
#pragma once

#include "tests/reference/array.h"

namespace drift::reference {

struct BatchNormOptions {
  double epsilon = 1e-5;
  double momentum = 0.1;
  bool relu = false;
};

struct BatchNormResult {
  Array y;
  Array before_relu;                // y without the ReLU
  Array mask;                       // 0 where before_relu <= 0, else 1; given with options.relu
  Array mean, var, inv_std;         // [C], of the batch; var biased
  Array running_mean, running_var;  // moved; given if they were given
};
// z, running_mean and running_var may be not given.
BatchNormResult batch_norm_forward(const Array& x, const Array& z, const Array& gamma, const Array& beta,
                                   const Array& running_mean, const Array& running_var,
                                   const BatchNormOptions& options);

// From stored statistics: without mean, var and what is moved; momentum is not used.
BatchNormResult batch_norm_inference(const Array& x, const Array& z, const Array& gamma, const Array& beta,
                                     const Array& mean, const Array& var, const BatchNormOptions& options);

struct BatchNormGradients {
  Array dx, dz, dgamma, dbeta;
};
// dy2 and mask may be not given. With frozen statistics mean and inv_std do not depend on x.
enum class NormStatistics : std::uint8_t { kBatch, kFrozen };
BatchNormGradients batch_norm_backward(const Array& dy, const Array& dy2, const Array& mask, const Array& x,
                                       const Array& mean, const Array& inv_std, const Array& gamma,
                                       NormStatistics statistics = NormStatistics::kBatch);

}  // namespace drift::reference
