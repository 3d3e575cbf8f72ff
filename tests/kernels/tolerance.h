// Where the tolerances of op_cases come from. Nothing is fitted to what a backend happens to produce.
//
// u = 2^-24 is the unit roundoff of float32, 2^-8 that of bfloat16. A float32 sum of n products, in any order, is off
// by at most n u sum|terms| (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1), and, rounding errors
// being as good as independent, by at most 8 sqrt(n) u sum|terms| but for a probability below n e^-31 (Higham and Mary
// 2019, theorem 2.4): the smaller of the two is taken, and sum|terms| comes from the same reference on absolute values.
// Inputs are numbers of the activation type, so bfloat16 adds nothing but the rounding of the output.
#pragma once

#include <algorithm>
#include <cmath>

#include "core/dtype.h"
#include "tests/kernels/op_case.h"

namespace drift::testing {

inline constexpr double kUnit = 0x1p-24;

inline double unit_of(DType dtype) {
  return dtype == DType::kBFloat16 ? 0x1p-8 : kUnit;
}

// Error of a float32 sum of n products, relative to the sum of their absolute values.
inline double sum_error(std::int64_t n) {
  const double terms = static_cast<double>(n) + 1;
  return std::min(terms, 8 * std::sqrt(terms)) * kUnit;
}

// The error of a float32 result that is off by `error`, once it is stored as dtype.
inline double stored(DType dtype, double value, double error) {
  return error + unit_of(dtype) * (std::abs(value) + error);
}

// values, each off by at most relative * magnitude before it is stored as dtype.
inline Expected within(DType dtype, const Array& values, const Array& magnitude, double relative) {
  Expected expected{values, Array(values.shape)};
  for (std::int64_t i = 0; i < values.elements(); ++i) {
    expected.tolerance[i] = stored(dtype, values[i], relative * std::abs(magnitude[i]));
  }
  return expected;
}

}  // namespace drift::testing
