// Tensors as the matrices that launchers go over.
#pragma once

#include "kernels/launch/index_space.h"
#include "kernels/tensor_view.h"

namespace drift {

// [..., C]: one segment.
inline RowSpace rows_of(const TensorView& x) {
  return {1, x.shape.rows(), x.shape.channels()};
}

// [N,H,W,C]: a segment for each sample.
inline RowSpace samples_of(const TensorView& x) {
  return {x.shape[0], x.shape[1] * x.shape[2], x.shape[3]};
}

}  // namespace drift
