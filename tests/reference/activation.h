// ReLU and SiLU = x sigmoid(x), with their gradients.
#pragma once

#include "tests/reference/array.h"

namespace drift::reference {

double sigmoid(double x);

Array relu_forward(const Array& x);
// From the forward's y: the gradient at x = 0 is 0.
Array relu_backward(const Array& y, const Array& dy);

Array silu_forward(const Array& x);
Array silu_backward(const Array& x, const Array& dy);

}  // namespace drift::reference
