// Which gradients of the data take the other gradient of a block's input with them (Conv2dBackwardData::addend): those
// of 3x3 in bfloat16 for which cuDNN's plan with the addition was measured to be faster than the one without
// (docs/gpu_runs.md). One choice for the backend and for those who list plans or floors; it depends on shapes and types
// alone, because it decides last bits.
#pragma once

#include "kernels/op.h"

namespace drift {

// 32 to 32 channels on images 16 pixels wide, 64 to 64 channels on 8.
inline bool adds_to_gradient(const Conv2dBackwardData& op) {
  const Shape& dx = op.dx.shape;
  const bool was_measured = (dx.channels() == 32 && dx[2] == 16) || (dx.channels() == 64 && dx[2] == 8);
  return op.window == Window{3, 1, 1} && op.dx.dtype == DType::kBFloat16 && dx == op.dy.shape && was_measured;
}

}  // namespace drift
