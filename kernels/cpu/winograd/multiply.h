// The products of the transformed values: small blocks of a matrix product, summed in registers.
#pragma once

#include "kernels/cpu/winograd/vectors.h"

namespace drift::winograd {

// A block of left, whose element (i, row) is data[i * by_term + row * by_row].
struct Left {
  const float* data;
  std::ptrdiff_t by_term, by_row;
};
// Rows of vectors, `stride` floats apart.
struct Right {
  const float* data;
  std::ptrdiff_t stride;
};
struct Product {
  float* data;
  std::ptrdiff_t stride;
};

// out(row, :) = sum over i < terms of left(i, row) * right(i, :) for kRows rows of kVectors vectors; kAdd: added to
// what is there. The terms of an element are added in order, each product and sum rounded once.
template <int kRows, int kVectors, bool kAdd>
DRIFT_WINOGRAD_INLINE void multiply(int terms, Left left, Right right, Product out) {
  Vector sums[kRows][kVectors];
#pragma GCC unroll 16
  for (int row = 0; row < kRows; ++row) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      sums[row][v] = kAdd ? load(out.data + row * out.stride + v * kLanes) : splat(0);
    }
  }
#pragma GCC unroll 2
  for (int i = 0; i < terms; ++i) {
    Vector b[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) b[v] = load(right.data + i * right.stride + v * kLanes);
#pragma GCC unroll 16
    for (int row = 0; row < kRows; ++row) {
      const Vector a = splat(left.data[i * left.by_term + row * left.by_row]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sums[row][v] = multiply_add(a, b[v], sums[row][v]);
    }
  }
#pragma GCC unroll 16
  for (int row = 0; row < kRows; ++row) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) store(out.data + row * out.stride + v * kLanes, sums[row][v]);
  }
}

}  // namespace drift::winograd
