// y = x w^T + bias with x [N,I], w [O,I], bias [O] or not given, and its gradients.
#pragma once

#include "tests/reference/array.h"

namespace drift::reference {

Array linear_forward(const Array& x, const Array& w, const Array& bias);

struct LinearGradients {
  Array dx, dw, dbias;
};
LinearGradients linear_backward(const Array& x, const Array& dy, const Array& w);

}  // namespace drift::reference
