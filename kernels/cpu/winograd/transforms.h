// The transforms of Winograd's F(4x4, 3x3): four by four outputs of a 3x3 correlation from six by six inputs with 36
// multiplications a channel instead of 144.
//
//   y = A^T [(G g G^T) * (B^T d B)] A        dg = G^T [(B^T d B) * (A dy A^T)] G,  * element by element, summed over
//   tiles
//
// Sources: Winograd, Arithmetic Complexity of Computations (1980); Lavin and Gray (2016), arXiv:1509.09308, whose
// points are 0, +-1, +-2 and infinity. Ours are 0, +-a, +-b and infinity with a = sqrt(1/2), b = sqrt(2): products of
// the matrices' sizes are smaller and so are rounding errors (docs/numerics.md; Barabasz et al. 2020,
// arXiv:1803.10986). a b = 1 drops factors.
#pragma once

#include "kernels/cpu/winograd/vectors.h"

namespace drift::winograd {

inline constexpr int kTap = 3, kOut = 4, kIn = kOut + kTap - 1, kPoints = kIn * kIn;

inline constexpr float kA = 0.70710678118654752f, kB = 1.41421356237309505f;
inline constexpr float kA2 = 0.5f, kB2 = 2.0f, kA3 = kA * kA2, kB3 = kB * kB2;

// G, six by three: rows (1, p, p^2) / (2 p^2 (p^2 - q^2)) for the points p = +-a and +-b, q the other one.
inline constexpr float kNormA = 2 * kA2 * (kA2 - kB2), kNormB = 2 * kB2 * (kB2 - kA2);
inline constexpr float kG[kIn][kTap] = {{1, 0, 0},
                                        {1 / kNormA, kA / kNormA, kA2 / kNormA},
                                        {1 / kNormA, -kA / kNormA, kA2 / kNormA},
                                        {1 / kNormB, kB / kNormB, kB2 / kNormB},
                                        {1 / kNormB, -kB / kNormB, kB2 / kNormB},
                                        {0, 0, 1}};

// 36 values do not fit into 32 registers, so tiles are transformed in two halves of three rows. Each half of B^T d
// reads five of the six d.
template <int kHalf>
DRIFT_WINOGRAD_INLINE void input_rows(const Vector* d, Vector* rows) {
  constexpr float point = kHalf == 0 ? kA : kB, other2 = kHalf == 0 ? kB2 : kA2;
  const Vector even = negative_multiply_add(splat(other2), d[2], d[4]);
  const Vector odd = negative_multiply_add(splat(other2), d[1], d[3]);
  Vector* const pair = kHalf == 0 ? rows + 1 : rows;
  pair[0] = multiply_add(splat(point), odd, even);
  pair[1] = negative_multiply_add(splat(point), odd, even);
  if constexpr (kHalf == 0) {
    rows[0] = d[0] + negative_multiply_add(splat(kA2 + kB2), d[2], d[4]);
  } else {
    rows[2] = d[1] + negative_multiply_add(splat(kA2 + kB2), d[3], d[5]);
  }
}

// A^T m, six values to four.
DRIFT_WINOGRAD_INLINE void output_rows(const Vector* m, Vector* y) {
  const Vector sum_a = m[1] + m[2], difference_a = m[1] - m[2];
  const Vector sum_b = m[3] + m[4], difference_b = m[3] - m[4];
  y[0] = m[0] + sum_a + sum_b;
  y[1] = multiply_add(splat(kB), difference_b, splat(kA) * difference_a);
  y[2] = multiply_add(splat(kB2), sum_b, splat(kA2) * sum_a);
  y[3] = multiply_add(splat(kB3), difference_b, multiply_add(splat(kA3), difference_a, m[5]));
}

// A dy, four values to six, the adjoint of output_rows, by halves.
template <int kHalf>
DRIFT_WINOGRAD_INLINE void gradient_rows(const Vector* dy, Vector* rows) {
  constexpr float point = kHalf == 0 ? kA : kB, point2 = kHalf == 0 ? kA2 : kB2;
  const Vector even = multiply_add(splat(point2), dy[2], dy[0]), odd = multiply_add(splat(point2), dy[3], dy[1]);
  Vector* const pair = kHalf == 0 ? rows + 1 : rows;
  pair[0] = multiply_add(splat(point), odd, even);
  pair[1] = negative_multiply_add(splat(point), odd, even);
  rows[kHalf == 0 ? 0 : 2] = kHalf == 0 ? dy[0] : dy[3];
}

// Where a tile lies: distances in elements between rows and between pixels.
struct Strides {
  std::ptrdiff_t row, pixel;
};

// Which of the outermost rows and columns of the six by six inputs are inside the image.
struct Border {
  Mask top, bottom, left, right;
};
inline constexpr Border kInside{kAllLanes, kAllLanes, kAllLanes, kAllLanes};

// points[i * kIn + j] * plane of 16 channels from a tile whose first output pixel is x.
template <int kHalf, class E>
DRIFT_WINOGRAD_INLINE void transform_input_half(const E* x, Strides at, Border border, float* points,
                                                std::ptrdiff_t plane) {
  Vector half[kIn / 2][kIn];
#pragma GCC unroll 6
  for (int column = 0; column < kIn; ++column) {
    const Mask in_column = column == 0 ? border.left : column == kIn - 1 ? border.right : kAllLanes;
    Vector d[kIn], rows[kIn / 2];
#pragma GCC unroll 6
    for (int row = 0; row < kIn; ++row) {
      if (row == (kHalf == 0 ? kIn - 1 : 0)) continue;  // not read by this half
      const Mask in_row = row == 0 ? border.top : row == kIn - 1 ? border.bottom : kAllLanes;
      const E* const pixel = x + (row - 1) * at.row + (column - 1) * at.pixel;
      const bool outer = row == 0 || row == kIn - 1 || column == 0 || column == kIn - 1;
      d[row] = outer ? load(pixel, in_row & in_column) : load(pixel);
    }
    input_rows<kHalf>(d, rows);
    for (int i = 0; i < kIn / 2; ++i) half[i][column] = rows[i];
  }
#pragma GCC unroll 3
  for (int i = 0; i < kIn / 2; ++i) {
    Vector row[kIn];
    input_rows<0>(half[i], row);
    input_rows<1>(half[i], row + kIn / 2);
    for (int j = 0; j < kIn; ++j) store(points + ((kHalf * kIn / 2 + i) * kIn + j) * plane, row[j]);
  }
}
template <class E>
DRIFT_WINOGRAD_INLINE void transform_input(const E* x, Strides at, Border border, float* points, std::ptrdiff_t plane) {
  transform_input_half<0>(x, at, border, points, plane);
  transform_input_half<1>(x, at, border, points, plane);
}

template <int kHalf, class E>
DRIFT_WINOGRAD_INLINE void transform_gradient_half(const E* dy, Strides at, float* points, std::ptrdiff_t plane) {
  Vector half[kIn / 2][kOut];
#pragma GCC unroll 4
  for (int column = 0; column < kOut; ++column) {
    Vector g[kOut], rows[kIn / 2];
    for (int row = 0; row < kOut; ++row) g[row] = load(dy + row * at.row + column * at.pixel);
    gradient_rows<kHalf>(g, rows);
    for (int i = 0; i < kIn / 2; ++i) half[i][column] = rows[i];
  }
#pragma GCC unroll 3
  for (int i = 0; i < kIn / 2; ++i) {
    Vector row[kIn];
    gradient_rows<0>(half[i], row);
    gradient_rows<1>(half[i], row + kIn / 2);
    for (int j = 0; j < kIn; ++j) store(points + ((kHalf * kIn / 2 + i) * kIn + j) * plane, row[j]);
  }
}
template <class E>
DRIFT_WINOGRAD_INLINE void transform_gradient(const E* dy, Strides at, float* points, std::ptrdiff_t plane) {
  transform_gradient_half<0>(dy, at, points, plane);
  transform_gradient_half<1>(dy, at, points, plane);
}

// A^T m A + bias.
template <class E>
DRIFT_WINOGRAD_INLINE void transform_output(const float* points, std::ptrdiff_t plane, Vector bias, E* y, Strides at) {
  Vector half[kOut][kIn];
#pragma GCC unroll 6
  for (int i = 0; i < kIn; ++i) {
    Vector m[kIn], column[kOut];
    for (int j = 0; j < kIn; ++j) m[j] = load(points + (i * kIn + j) * plane);
    output_rows(m, column);
    for (int j = 0; j < kOut; ++j) half[j][i] = column[j];
  }
#pragma GCC unroll 4
  for (int j = 0; j < kOut; ++j) {
    Vector row[kOut];
    output_rows(half[j], row);
    for (int i = 0; i < kOut; ++i) store(y + i * at.row + j * at.pixel, row[i] + bias);
  }
}

}  // namespace drift::winograd
