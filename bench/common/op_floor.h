// The least time of an operation on this machine: its arithmetic at the measured peak, or its bytes at the measured
// bandwidth, whichever is more. Arithmetic of a convolution is that of the form it has: of Winograd's the 36 products
// of a tile, whole or partial, and the additions of its transforms, all in float32.
#pragma once

#include <algorithm>

#include "kernels/convolution_form.h"
#include "kernels/op.h"

namespace drift::bench {

struct MachinePeaks {
  double bandwidth;  // bytes per second
  double fp32_flops, bf16_flops;
};

inline double floor_seconds(double bytes, double flops, double bandwidth, double peak_flops) {
  return std::max(bytes / bandwidth, flops / peak_flops);
}

// Floating-point operations, a multiply-add being two.
double winograd_flops(const Conv2dForward& op);
double winograd_flops(const Conv2dBackwardData& op);
double winograd_flops(const Conv2dBackwardWeights& op);

// In seconds. precision: of the activations.
double floor_seconds(const Op& op, DType precision, ConvolutionChoice choice, const MachinePeaks& peaks);

}  // namespace drift::bench
