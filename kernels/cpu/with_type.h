// Calls body(T{}) with the C++ type of an activation type.
#pragma once

#include "core/check.h"
#include "core/dtype.h"

namespace drift {

template <class Body>
void with_type(DType dtype, const Body& body) {
  switch (dtype) {
    case DType::kFloat32:
      return body(float{});
    case DType::kBFloat16:
      return body(BFloat16{});
    default:
      DRIFT_FAIL(kInternal, "activations are fp32 or bf16, not {}", name_of(dtype));
  }
}

}  // namespace drift
