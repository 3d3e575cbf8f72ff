#include "tests/reference/pool.h"

#include <cmath>
#include <limits>

namespace drift::reference {
namespace {

Shape pooled_shape(const Window& window, const Shape& x) {
  return {x[0], window.output_extent(x[1]), window.output_extent(x[2]), x[3]};
}

// Calls f(n, oh, ow, c, h, w, place) for every pixel inside the image of every window, in order of its place in the
// window.
template <class F>
void for_each_pixel(const Window& window, const Shape& x, const F& f) {
  const Shape y = pooled_shape(window, x);
  for (std::int64_t n = 0; n < y[0]; ++n) {
    for (std::int64_t oh = 0; oh < y[1]; ++oh) {
      for (std::int64_t ow = 0; ow < y[2]; ++ow) {
        for (std::int64_t place = 0; place < window.size * window.size; ++place) {
          const std::int64_t h = oh * window.stride + place / window.size - window.pad;
          const std::int64_t w = ow * window.stride + place % window.size - window.pad;
          if (h < 0 || h >= x[1] || w < 0 || w >= x[2]) continue;
          for (std::int64_t c = 0; c < x[3]; ++c) f(n, oh, ow, c, h, w, place);
        }
      }
    }
  }
}

}  // namespace

MaxPoolResult max_pool_forward(const Window& window, const Array& x) {
  const Shape shape = pooled_shape(window, x.shape);
  MaxPoolResult result{Array(shape, -std::numeric_limits<double>::infinity()), Array(shape)};
  for_each_pixel(window, x.shape, [&](auto n, auto oh, auto ow, auto c, auto h, auto w, auto place) {
    double& largest = result.y.at(n, oh, ow, c);
    const double value = x.at(n, h, w, c);
    if (value > largest || (std::isnan(value) && !std::isnan(largest))) {
      largest = value;
      result.index.at(n, oh, ow, c) = static_cast<double>(place);
    }
  });
  return result;
}

Array max_pool_backward(const Window& window, const Array& dy, const Array& index, const Shape& x_shape) {
  Array dx(x_shape);
  for_each_pixel(window, x_shape, [&](auto n, auto oh, auto ow, auto c, auto h, auto w, auto place) {
    if (index.at(n, oh, ow, c) == static_cast<double>(place)) dx.at(n, h, w, c) += dy.at(n, oh, ow, c);
  });
  return dx;
}

Array average_pool_forward(const Window& window, const Array& x) {
  Array y(pooled_shape(window, x.shape));
  const double area = static_cast<double>(window.size * window.size);
  for_each_pixel(window, x.shape, [&](auto n, auto oh, auto ow, auto c, auto h, auto w, auto) {
    y.at(n, oh, ow, c) += x.at(n, h, w, c) / area;
  });
  return y;
}

Array average_pool_backward(const Window& window, const Array& dy, const Shape& x_shape) {
  Array dx(x_shape);
  const double area = static_cast<double>(window.size * window.size);
  for_each_pixel(window, x_shape, [&](auto n, auto oh, auto ow, auto c, auto h, auto w, auto) {
    dx.at(n, h, w, c) += dy.at(n, oh, ow, c) / area;
  });
  return dx;
}

Array global_average_pool_forward(const Array& x) {
  Array y({x.shape[0], x.shape[3]});
  const std::int64_t pixels = x.shape[1] * x.shape[2];
  for (std::int64_t row = 0; row < x.shape.rows(); ++row) {
    for (std::int64_t c = 0; c < x.shape[3]; ++c) y.at(row / pixels, c) += x.at(row, c) / static_cast<double>(pixels);
  }
  return y;
}

Array global_average_pool_backward(const Array& dy, const Shape& x_shape) {
  Array dx(x_shape);
  const std::int64_t pixels = x_shape[1] * x_shape[2];
  for (std::int64_t row = 0; row < x_shape.rows(); ++row) {
    for (std::int64_t c = 0; c < x_shape[3]; ++c) dx.at(row, c) = dy.at(row / pixels, c) / static_cast<double>(pixels);
  }
  return dx;
}

}  // namespace drift::reference
