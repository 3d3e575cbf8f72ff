// Calls body(T{}) with the C++ type of an activation type, float or BFloat16. nvcc compiles it too.
#pragma once

#include <source_location>
#include <string>

#include "core/dtype.h"
#include "core/error.h"

namespace drift {

template <class Body>
void with_type(DType dtype, const Body& body) {
  switch (dtype) {
    case DType::kFloat32:
      return body(float{});
    case DType::kBFloat16:
      return body(BFloat16{});
    default:
      detail::fail(ErrorKind::kInternal, "activations are fp32 or bf16, not " + std::string(name_of(dtype)), {},
                   std::source_location::current());
  }
}

}  // namespace drift
