#include "tests/reference/activation.h"

#include <cmath>

namespace drift::reference {

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

Array relu_forward(const Array& x) {
  Array y(x.shape);
  for (std::int64_t i = 0; i < x.elements(); ++i) y[i] = x[i] <= 0 ? 0 : x[i];
  return y;
}

Array relu_backward(const Array& y, const Array& dy) {
  Array dx(y.shape);
  for (std::int64_t i = 0; i < y.elements(); ++i) dx[i] = y[i] > 0 ? dy[i] : dy[i] * y[i];
  return dx;
}

Array silu_forward(const Array& x) {
  Array y(x.shape);
  for (std::int64_t i = 0; i < x.elements(); ++i) y[i] = x[i] * sigmoid(x[i]);
  return y;
}

Array silu_backward(const Array& x, const Array& dy) {
  Array dx(x.shape);
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    const double s = sigmoid(x[i]);
    dx[i] = dy[i] * (s + x[i] * s * (1 - s));
  }
  return dx;
}

}  // namespace drift::reference
