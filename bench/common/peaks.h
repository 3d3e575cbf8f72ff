// The machine's measured limits that a floor is made of.
#pragma once

#include "core/dtype.h"

namespace drift::bench {

// Bytes per second of y = a + b on float arrays of `megabytes` each, with `threads` threads: what a pass over memory
// can reach.
double measured_bandwidth(int threads, int megabytes);

// Floating-point operations per second, with `threads` threads: in float32 of independent multiply-add chains in
// registers, in bfloat16 of oneDNN's product of two 2048 x 2048 matrices.
double measured_peak_flops(int threads, DType precision);

}  // namespace drift::bench
