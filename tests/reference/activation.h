// ReLU and SiLU = x sigmoid(x), with their gradients.
#pragma once

#include "tests/reference/array.h"

namespace drift::reference {

double sigmoid(double x);

Array relu_forward(const Array& x);
// From the forward's y: the slope is 0 at x = 0, and NaN where y is NaN.
Array relu_backward(const Array& y, const Array& dy);

Array silu_forward(const Array& x);
Array silu_backward(const Array& x, const Array& dy);

}  // namespace drift::reference
