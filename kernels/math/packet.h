// Packet: a few consecutive floats, the unit the memory-bound formulas in this folder are written in; +, -, *, / work
// element by element, with packets and with floats. bfloat16 memory is widened on load and rounded to nearest even on
// store. A count says how many elements exist: Full{} for all (known when compiling), an int for the rest at an end,
// whose missing elements load as 0 and are not stored. packet_cpu.h and packet_cuda.h define the same names for 16 and
// for 8 floats; on a GPU, Full{} also promises that the memory is aligned to 16 bytes.
//
// Everything that is built on packets lives in an inline namespace named after their size, so that the same formula
// compiled for both never meets itself under one name.
#pragma once

// Unrolls a loop on the GPU, where an array stays in registers only if each subscript is known when compiling; or keeps
// it as it is, for the registers' sake.
#if defined(__CUDA_ARCH__)
#define DRIFT_UNROLL _Pragma("unroll")
#define DRIFT_ROLLED _Pragma("unroll 1")
#else
#define DRIFT_UNROLL
#define DRIFT_ROLLED
#endif

#if defined(__CUDACC__)
#define DRIFT_PACKETS packets_of_8
#include "kernels/math/packet_cuda.h"
#else
#define DRIFT_PACKETS packets_of_16
#include "kernels/math/packet_cpu.h"
#endif

namespace drift {
inline namespace DRIFT_PACKETS {

// Masks are [rows, ceil(columns/8)] bytes, so that rows start on bytes.
DRIFT_HD std::int64_t mask_row_bytes(std::int64_t columns) {
  return (columns + 7) / 8;
}

// What one thread of many that share a row must know; the CPU has one thread per row. WarpLanes is the GPU's.
struct OneLane {
  DRIFT_HD int index() const { return 0; }
  DRIFT_HD int count() const { return 1; }
  template <class Number>
  DRIFT_HD Number sum(Number mine) const {
    return mine;
  }
  DRIFT_HD float maximum(float mine) const { return mine; }
};

}  // namespace DRIFT_PACKETS
}  // namespace drift
