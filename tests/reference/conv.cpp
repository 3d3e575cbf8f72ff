#include "tests/reference/conv.h"

namespace drift::reference {
namespace {

// Calls f(n, oh, ow, o, h, w, kh, kw, i) for every product of the convolution whose input pixel lies inside the image.
template <class F>
void for_each_term(const Window& window, const Shape& x, const Shape& y, const F& f) {
  for (std::int64_t n = 0; n < y[0]; ++n) {
    for (std::int64_t oh = 0; oh < y[1]; ++oh) {
      for (std::int64_t ow = 0; ow < y[2]; ++ow) {
        for (std::int64_t kh = 0; kh < window.size; ++kh) {
          for (std::int64_t kw = 0; kw < window.size; ++kw) {
            const std::int64_t h = oh * window.stride + kh - window.pad;
            const std::int64_t w = ow * window.stride + kw - window.pad;
            if (h < 0 || h >= x[1] || w < 0 || w >= x[2]) continue;
            for (std::int64_t o = 0; o < y[3]; ++o) {
              for (std::int64_t i = 0; i < x[3]; ++i) f(n, oh, ow, o, h, w, kh, kw, i);
            }
          }
        }
      }
    }
  }
}

}  // namespace

Array conv2d_forward(const Window& window, const Array& x, const Array& w, const Array& bias) {
  Array y({x.shape[0], window.output_extent(x.shape[1]), window.output_extent(x.shape[2]), w.shape[0]});
  for_each_term(window, x.shape, y.shape,
                [&](auto n, auto oh, auto ow, auto o, auto h, auto column, auto kh, auto kw, auto i) {
                  y.at(n, oh, ow, o) += x.at(n, h, column, i) * w.at(o, kh, kw, i);
                });
  if (bias.given()) {
    for (std::int64_t row = 0; row < y.shape.rows(); ++row) {
      for (std::int64_t o = 0; o < y.shape.channels(); ++o) y.at(row, o) += bias[o];
    }
  }
  return y;
}

Array conv2d_backward_data(const Window& window, const Array& dy, const Array& w, const Shape& x_shape) {
  Array dx(x_shape);
  for_each_term(window, x_shape, dy.shape,
                [&](auto n, auto oh, auto ow, auto o, auto h, auto column, auto kh, auto kw, auto i) {
                  dx.at(n, h, column, i) += dy.at(n, oh, ow, o) * w.at(o, kh, kw, i);
                });
  return dx;
}

Conv2dWeightGradients conv2d_backward_weights(const Window& window, const Array& x, const Array& dy) {
  const std::int64_t outputs = dy.shape.channels();
  Conv2dWeightGradients gradients{Array({outputs, window.size, window.size, x.shape.channels()}), Array({outputs})};
  for_each_term(window, x.shape, dy.shape,
                [&](auto n, auto oh, auto ow, auto o, auto h, auto column, auto kh, auto kw, auto i) {
                  gradients.dw.at(o, kh, kw, i) += x.at(n, h, column, i) * dy.at(n, oh, ow, o);
                });
  for (std::int64_t row = 0; row < dy.shape.rows(); ++row) {
    for (std::int64_t o = 0; o < outputs; ++o) gradients.dbias[o] += dy.at(row, o);
  }
  return gradients;
}

}  // namespace drift::reference
