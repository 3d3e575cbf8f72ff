#include "tests/reference/winograd.h"

#include <array>
#include <cmath>

namespace drift::reference {
namespace {

constexpr int kOut = 4, kTap = 3, kIn = 6;
using Square = std::array<std::array<double, kIn>, kIn>;  // the upper left corner is used

struct Matrices {
  Square a{}, g{}, b{};  // A^T is 4x6, G 6x3, B^T 6x6
};

// Toom-Cook: values of polynomials at the points 0, +-sqrt(1/2), +-sqrt(2) and infinity, and the way back.
Matrices matrices(Terms terms) {
  const double points[] = {0, std::sqrt(0.5), -std::sqrt(0.5), std::sqrt(2.0), -std::sqrt(2.0)};
  Matrices m;
  const auto product = [&](int left_out) {  // coefficients of the product of (x - point)
    std::array<double, kIn> coefficients{1};
    int degree = 0;
    for (int k = 0; k < kIn - 1; ++k) {
      if (k == left_out) continue;
      for (int i = ++degree; i > 0; --i) coefficients[i] = coefficients[i - 1] - points[k] * coefficients[i];
      coefficients[0] *= -points[k];
    }
    return coefficients;
  };
  for (int j = 0; j < kIn - 1; ++j) {
    double norm = 1;
    for (int k = 0; k < kIn - 1; ++k) norm *= k == j ? 1 : points[j] - points[k];
    for (int i = 0; i < kOut; ++i) m.a[i][j] = std::pow(points[j], i);
    for (int i = 0; i < kTap; ++i) m.g[j][i] = std::pow(points[j], i) / norm;
    m.b[j] = product(j);
  }
  m.a[kOut - 1][kIn - 1] = m.g[kIn - 1][kTap - 1] = 1;
  m.b[kIn - 1] = product(-1);
  if (terms == Terms::kAbsolute) {
    for (Square* square : {&m.a, &m.g, &m.b}) {
      for (auto& row : *square) {
        for (double& value : row) value = std::abs(value);
      }
    }
  }
  return m;
}

Square transposed(const Square& m) {
  Square result{};
  for (int i = 0; i < kIn; ++i) {
    for (int j = 0; j < kIn; ++j) result[i][j] = m[j][i];
  }
  return result;
}

// |x|, without its NaNs, whose products with zeros would reach further than they do.
Array sizes(const Array& x) {
  Array result = absolute(x);
  for (double& value : result.values) value = std::isnan(value) ? 0 : value;
  return result;
}

// m t m^T, m rows x columns.
Square on_both_sides(const Square& m, int rows, int columns, const Square& t) {
  Square half{}, result{};
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < columns; ++j) {
      for (int k = 0; k < columns; ++k) half[i][j] += m[i][k] * t[k][j];
    }
  }
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < rows; ++j) {
      for (int k = 0; k < columns; ++k) result[i][j] += half[i][k] * m[j][k];
    }
  }
  return result;
}

// The values of channel c at the pixels [row, row + size) x [column, ...) of image n, 0 outside.
Square window(const Array& x, std::int64_t n, std::int64_t row, std::int64_t column, std::int64_t c, int size) {
  Square result{};
  for (int i = 0; i < size; ++i) {
    for (int j = 0; j < size; ++j) {
      const std::int64_t h = row + i, w = column + j;
      if (h >= 0 && h < x.shape[1] && w >= 0 && w < x.shape[2]) result[i][j] = x.at(n, h, w, c);
    }
  }
  return result;
}

template <class Body>
void for_each_tile(const Shape& x, const Body& body) {
  for (std::int64_t n = 0; n < x[0]; ++n) {
    for (std::int64_t row = 0; row < x[1]; row += kOut) {
      for (std::int64_t column = 0; column < x[2]; column += kOut) body(n, row, column);
    }
  }
}

void add_product(const Square& a, const Square& b, Square& sum) {
  for (int i = 0; i < kIn; ++i) {
    for (int j = 0; j < kIn; ++j) sum[i][j] += a[i][j] * b[i][j];
  }
}

}  // namespace

Array winograd_forward(const Array& x, const Array& w, Terms terms) {
  const Matrices m = matrices(terms);
  const Array from = terms == Terms::kAbsolute ? sizes(x) : x;
  const Array kernel = terms == Terms::kAbsolute ? sizes(w) : w;
  const std::int64_t inputs = x.shape.channels(), outputs = w.shape[0];
  std::vector<Square> filters;
  for (std::int64_t o = 0; o < outputs; ++o) {
    for (std::int64_t i = 0; i < inputs; ++i) {
      filters.push_back(on_both_sides(m.g, kIn, kTap, window(kernel, o, 0, 0, i, kTap)));
    }
  }
  Array y({x.shape[0], x.shape[1], x.shape[2], outputs});
  for_each_tile(x.shape, [&](std::int64_t n, std::int64_t row, std::int64_t column) {
    std::vector<Square> tiles;
    for (std::int64_t i = 0; i < inputs; ++i) {
      tiles.push_back(on_both_sides(m.b, kIn, kIn, window(from, n, row - 1, column - 1, i, kIn)));
    }
    for (std::int64_t o = 0; o < outputs; ++o) {
      Square sum{};
      for (std::int64_t i = 0; i < inputs; ++i) {
        add_product(filters[static_cast<std::size_t>(o * inputs + i)], tiles[static_cast<std::size_t>(i)], sum);
      }
      const Square out = on_both_sides(m.a, kOut, kIn, sum);
      for (int i = 0; i < kOut && row + i < x.shape[1]; ++i) {
        for (int j = 0; j < kOut && column + j < x.shape[2]; ++j) y.at(n, row + i, column + j, o) = out[i][j];
      }
    }
  });
  return y;
}

Array winograd_backward_data(const Array& dy, const Array& w, Terms terms) {
  Array turned({w.shape[3], kTap, kTap, w.shape[0]});
  for (std::int64_t o = 0; o < w.shape[0]; ++o) {
    for (std::int64_t i = 0; i < w.shape[3]; ++i) {
      for (int tap = 0; tap < kTap * kTap; ++tap) {
        const int other = kTap * kTap - 1 - tap;
        turned.at(i, tap / kTap, tap % kTap, o) = w.at(o, other / kTap, other % kTap, i);
      }
    }
  }
  return winograd_forward(dy, turned, terms);
}

Array winograd_backward_weights(const Array& x, const Array& dy, Terms terms) {
  const Matrices m = matrices(terms);
  const Square adjoint = transposed(m.a), back = transposed(m.g);
  const Array from = terms == Terms::kAbsolute ? sizes(x) : x;
  const Array gradient = terms == Terms::kAbsolute ? sizes(dy) : dy;
  const std::int64_t inputs = x.shape.channels(), outputs = dy.shape.channels();
  std::vector<Square> sums(static_cast<std::size_t>(outputs * inputs));
  for_each_tile(x.shape, [&](std::int64_t n, std::int64_t row, std::int64_t column) {
    std::vector<Square> tiles;
    for (std::int64_t i = 0; i < inputs; ++i) {
      tiles.push_back(on_both_sides(m.b, kIn, kIn, window(from, n, row - 1, column - 1, i, kIn)));
    }
    for (std::int64_t o = 0; o < outputs; ++o) {
      const Square of_output = on_both_sides(adjoint, kIn, kOut, window(gradient, n, row, column, o, kOut));
      for (std::int64_t i = 0; i < inputs; ++i) {
        add_product(of_output, tiles[static_cast<std::size_t>(i)], sums[static_cast<std::size_t>(o * inputs + i)]);
      }
    }
  });
  Array dw({outputs, kTap, kTap, inputs});
  for (std::int64_t o = 0; o < outputs; ++o) {
    for (std::int64_t i = 0; i < inputs; ++i) {
      const Square taps = on_both_sides(back, kTap, kIn, sums[static_cast<std::size_t>(o * inputs + i)]);
      for (int r = 0; r < kTap; ++r) {
        for (int s = 0; s < kTap; ++s) dw.at(o, r, s, i) = taps[r][s];
      }
    }
  }
  return dw;
}

}  // namespace drift::reference
