// Convolution (cross-correlation) of [N,H,W,I] images with [O,k,k,I] weights, and its two gradients. Terms outside the
// image are 0.
#pragma once

#include "kernels/op.h"
#include "tests/reference/array.h"

namespace drift::reference {

// bias [O] or not given.
Array conv2d_forward(const Window& window, const Array& x, const Array& w, const Array& bias);
Array conv2d_backward_data(const Window& window, const Array& dy, const Array& w, const Shape& x_shape);

struct Conv2dWeightGradients {
  Array dw, dbias;
};
Conv2dWeightGradients conv2d_backward_weights(const Window& window, const Array& x, const Array& dy);

}  // namespace drift::reference
