// What the ops check before they run. A failure names the op, what it wanted and what it got.
#pragma once

#include <string_view>

#include "core/check.h"
#include "engine/tape.h"

namespace drift {

inline void check_image(std::string_view op, const Tape& tape, std::string_view argument, const Tensor& x) {
  DRIFT_ASSERT(x && x.shape().rank() == 4 && x.dtype() == tape.activation(), "{}: {} must be {} [N,H,W,C], got {}", op,
               argument, name_of(tape.activation()), to_string(x));
}

inline void check_parameter(std::string_view op, const Parameter& parameter, const Shape& wanted, const Tensor& x) {
  DRIFT_ASSERT(parameter.shape() == wanted, "{}: {} must be {} for x {}, got {}", op, parameter.name(),
               to_string(wanted), to_string(x), to_string(parameter.shape()));
}

}  // namespace drift
