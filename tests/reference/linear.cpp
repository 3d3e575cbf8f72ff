#include "tests/reference/linear.h"

namespace drift::reference {

Array linear_forward(const Array& x, const Array& w, const Array& bias) {
  Array y({x.shape[0], w.shape[0]});
  for (std::int64_t n = 0; n < x.shape[0]; ++n) {
    for (std::int64_t o = 0; o < w.shape[0]; ++o) {
      for (std::int64_t i = 0; i < w.shape[1]; ++i) y.at(n, o) += x.at(n, i) * w.at(o, i);
      if (bias.given()) y.at(n, o) += bias[o];
    }
  }
  return y;
}

LinearGradients linear_backward(const Array& x, const Array& dy, const Array& w) {
  LinearGradients gradients{Array(x.shape), Array(w.shape), Array({w.shape[0]})};
  for (std::int64_t n = 0; n < x.shape[0]; ++n) {
    for (std::int64_t o = 0; o < w.shape[0]; ++o) {
      for (std::int64_t i = 0; i < w.shape[1]; ++i) {
        gradients.dx.at(n, i) += dy.at(n, o) * w.at(o, i);
        gradients.dw.at(o, i) += dy.at(n, o) * x.at(n, i);
      }
      gradients.dbias[o] += dy.at(n, o);
    }
  }
  return gradients;
}

}  // namespace drift::reference
