#include "tests/reference/shortcut.h"

namespace drift::reference {
namespace {

template <class F>
void for_each_kept(std::int64_t stride, const Shape& x, std::int64_t channels, const F& f) {
  const std::int64_t first = (channels - x[3]) / 2;
  for (std::int64_t n = 0; n < x[0]; ++n) {
    for (std::int64_t i = 0; i * stride < x[1]; ++i) {
      for (std::int64_t j = 0; j * stride < x[2]; ++j) {
        for (std::int64_t c = 0; c < x[3]; ++c) f(n, i, j, first + c, c);
      }
    }
  }
}

}  // namespace

Array shortcut_forward(std::int64_t stride, const Array& x, std::int64_t channels) {
  Array y({x.shape[0], (x.shape[1] + stride - 1) / stride, (x.shape[2] + stride - 1) / stride, channels});
  for_each_kept(stride, x.shape, channels, [&](auto n, auto i, auto j, auto to, auto from) {
    y.at(n, i, j, to) = x.at(n, i * stride, j * stride, from);
  });
  return y;
}

Array shortcut_backward(std::int64_t stride, const Array& dy, const Shape& x_shape) {
  Array dx(x_shape);
  for_each_kept(stride, x_shape, dy.shape[3], [&](auto n, auto i, auto j, auto to, auto from) {
    dx.at(n, i * stride, j * stride, from) = dy.at(n, i, j, to);
  });
  return dx;
}

}  // namespace drift::reference
