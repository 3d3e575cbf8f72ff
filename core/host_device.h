// DRIFT_HD marks a function that both host and device code may call: the formulas in kernels/math and what they use.
#pragma once

#ifdef __CUDACC__
#define DRIFT_HD __host__ __device__ __forceinline__
#else
#define DRIFT_HD inline __attribute__((always_inline))
#endif
