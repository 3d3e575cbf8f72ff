// Max pooling (padding never wins, the first NaN does, or else the first of equals), average pooling (padding counts in
// the divisor) and the global average.
#pragma once

#include "kernels/op.h"
#include "tests/reference/array.h"

namespace drift::reference {

struct MaxPoolResult {
  Array y;
  Array index;  // of the winner in its window: kh * size + kw
};
MaxPoolResult max_pool_forward(const Window& window, const Array& x);
Array max_pool_backward(const Window& window, const Array& dy, const Array& index, const Shape& x_shape);

Array average_pool_forward(const Window& window, const Array& x);
Array average_pool_backward(const Window& window, const Array& dy, const Shape& x_shape);

Array global_average_pool_forward(const Array& x);  // [N,H,W,C] -> [N,C]
Array global_average_pool_backward(const Array& dy, const Shape& x_shape);

}  // namespace drift::reference
