// Option-A shortcut (He et al. 2016): every stride-th pixel, channels zero-padded equally on both sides.
#pragma once

#include "tests/reference/array.h"

namespace drift::reference {

Array shortcut_forward(std::int64_t stride, const Array& x, std::int64_t channels);
Array shortcut_backward(std::int64_t stride, const Array& dy, const Shape& x_shape);

}  // namespace drift::reference
