// Narrow convolutions: 3x3, of few channels, in bfloat16, by kernels of our own
// (kernels/launch/narrow_convolution_cuda.cuh), where these were measured to be faster than cuDNN's. One choice for the
// backend and for those who list plans; it depends on shapes and types alone, because it decides last bits.
#pragma once

#include "kernels/op.h"

namespace drift {

// 16 to 16 channels on images 32 pixels wide; gradients of weights also 32 to 32 channels, 16 pixels wide.
bool is_narrow(const Conv2dForward& op);
bool is_narrow(const Conv2dBackwardData& op);
bool is_narrow(const Conv2dBackwardWeights& op);

}  // namespace drift
