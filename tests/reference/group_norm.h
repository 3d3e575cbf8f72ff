// Group normalisation (Wu and He 2018): one mean and one inverse deviation per sample and group of neighbouring
// channels, [N,groups].
#pragma once

#include "tests/reference/array.h"

namespace drift::reference {

struct GroupNormResult {
  Array y, mean, var, inv_std;
};
GroupNormResult group_norm_forward(const Array& x, const Array& gamma, const Array& beta, std::int64_t groups,
                                   double epsilon);

struct GroupNormGradients {
  Array dx, dgamma, dbeta;
};
GroupNormGradients group_norm_backward(const Array& dy, const Array& x, const Array& mean, const Array& inv_std,
                                       const Array& gamma, std::int64_t groups);

}  // namespace drift::reference
