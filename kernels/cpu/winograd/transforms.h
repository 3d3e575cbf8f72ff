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

// The two ways into the 36 points. Values do not fit into 32 registers, so tiles are transformed in halves of three
// rows: rows<kHalf>(d, to) is the upper or the lower half of the matrix times a column d of kSize values, of which it
// reads those that reads<kHalf> names.

// B^T d, from six by six inputs.
struct InputSide {
  static constexpr int kSize = kIn;

  template <int kHalf>
  static constexpr bool reads(int row) {
    return row != (kHalf == 0 ? kIn - 1 : 0);
  }
  template <int kHalf>
  static inline __attribute__((always_inline)) void rows(const Vector* d, Vector* to) {
    constexpr float point = kHalf == 0 ? kA : kB, other2 = kHalf == 0 ? kB2 : kA2;
    const Vector even = negative_multiply_add(splat(other2), d[2], d[4]);
    const Vector odd = negative_multiply_add(splat(other2), d[1], d[3]);
    Vector* const pair = kHalf == 0 ? to + 1 : to;
    pair[0] = multiply_add(splat(point), odd, even);
    pair[1] = negative_multiply_add(splat(point), odd, even);
    if constexpr (kHalf == 0) {
      to[0] = d[0] + negative_multiply_add(splat(kA2 + kB2), d[2], d[4]);
    } else {
      to[2] = d[1] + negative_multiply_add(splat(kA2 + kB2), d[3], d[5]);
    }
  }
};

// A dy, from the gradients of four by four outputs; the adjoint of output_rows.
struct GradientSide {
  static constexpr int kSize = kOut;

  template <int kHalf>
  static constexpr bool reads(int) {
    return true;
  }
  template <int kHalf>
  static inline __attribute__((always_inline)) void rows(const Vector* dy, Vector* to) {
    constexpr float point = kHalf == 0 ? kA : kB, point2 = kHalf == 0 ? kA2 : kB2;
    const Vector even = multiply_add(splat(point2), dy[2], dy[0]), odd = multiply_add(splat(point2), dy[3], dy[1]);
    Vector* const pair = kHalf == 0 ? to + 1 : to;
    pair[0] = multiply_add(splat(point), odd, even);
    pair[1] = negative_multiply_add(splat(point), odd, even);
    to[kHalf == 0 ? 0 : 2] = kHalf == 0 ? dy[0] : dy[3];
  }
};

// Half of the matrix of a side times a tile times its transpose: points[i * kIn + j] * plane, from what
// pixel(row, column) loads of 16 channels.
template <class Side, int kHalf, class Pixel>
DRIFT_WINOGRAD_INLINE void transform_half(const Pixel& pixel, float* points, std::ptrdiff_t plane) {
  constexpr int kRows = kIn / 2;
  Vector half[kRows][Side::kSize];
#pragma GCC unroll 6
  for (int column = 0; column < Side::kSize; ++column) {
    Vector values[Side::kSize], rows[kRows];
#pragma GCC unroll 6
    for (int row = 0; row < Side::kSize; ++row) {
      if (Side::template reads<kHalf>(row)) values[row] = pixel(row, column);
    }
    Side::template rows<kHalf>(values, rows);
    for (int i = 0; i < kRows; ++i) half[i][column] = rows[i];
  }
#pragma GCC unroll 3
  for (int i = 0; i < kRows; ++i) {
    Vector row[kIn];
    Side::template rows<0>(half[i], row);
    Side::template rows<1>(half[i], row + kRows);
    for (int j = 0; j < kIn; ++j) store(points + ((kHalf * kRows + i) * kIn + j) * plane, row[j]);
  }
}
template <class Side, class Pixel>
DRIFT_WINOGRAD_INLINE void transform(const Pixel& pixel, float* points, std::ptrdiff_t plane) {
  transform_half<Side, 0>(pixel, points, plane);
  transform_half<Side, 1>(pixel, points, plane);
}

// Where a tile lies: distances in elements between rows and between pixels.
struct Strides {
  std::ptrdiff_t row, pixel;
};

// A^T m, six values to four.
DRIFT_WINOGRAD_INLINE void output_rows(const Vector* m, Vector* y) {
  const Vector sum_a = m[1] + m[2], difference_a = m[1] - m[2];
  const Vector sum_b = m[3] + m[4], difference_b = m[3] - m[4];
  y[0] = m[0] + sum_a + sum_b;
  y[1] = multiply_add(splat(kB), difference_b, splat(kA) * difference_a);
  y[2] = multiply_add(splat(kB2), sum_b, splat(kA2) * sum_a);
  y[3] = multiply_add(splat(kB3), difference_b, multiply_add(splat(kA3), difference_a, m[5]));
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
