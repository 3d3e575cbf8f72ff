// The machine's measured limits that a floor is made of.
#pragma once

namespace drift::bench {

// Bytes per second of y = a + b on float arrays of `megabytes` each, with `threads` threads: what a pass over memory
// can reach.
double measured_bandwidth(int threads, int megabytes);

// Floating-point operations per second of independent multiply-add chains in registers, with `threads` threads.
double measured_peak_flops(int threads);

}  // namespace drift::bench
