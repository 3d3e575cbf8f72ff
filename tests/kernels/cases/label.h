// The names of cases in reports: "conv2d_forward x [2,9,7,3], window 3/2+1, 17 outputs, bf16 exact".
#pragma once

#include <fmt/format.h>
#include <string>

#include "tests/kernels/case_list.h"

namespace drift::testing {

inline std::string text(const Window& window) {
  return fmt::format("{}/{}+{}", window.size, window.stride, window.pad);
}

inline std::string text(const Shape& shape) {
  return to_string(shape);
}

// A case of `op` in this type; `details` is what distinguishes it.
inline OpCase new_case(std::string op, std::string details, DType activation, Fill fill = Fill::kNormal) {
  OpCase result;
  result.op = std::move(op);
  result.exact = fill == Fill::kExact;
  result.label = fmt::format("{}, {}{}", details, name_of(activation), result.exact ? " exact" : "");
  result.activation = activation;
  return result;
}

}  // namespace drift::testing
