// Convolutions, forward and both gradients: 3x3, 1x1 and 7x7 windows, strides and odd sizes, few and many channels.
#include <cmath>

#include "tests/kernels/cases/label.h"
#include "tests/kernels/tolerance.h"
#include "tests/reference/conv.h"

namespace drift::testing {
namespace {

constexpr DType kFloat = DType::kFloat32;

void add_forward(const ConvCase& c, const Source& values, const Source& weights, const Shape& w, const Shape& y,
                 OpCase& result) {
  const std::int64_t outputs = c.outputs;
  result.input("x", c.x, c.dtype, values).input("w", w, c.dtype, weights);
  if (c.bias) result.weight("bias", {outputs}, values);
  result.output("y", y, c.dtype);
  result.operation = [window = c.window](const Named<TensorView>& v) -> Op {
    return Conv2dForward{window, v["x"], v["w"], v["bias"], v["y"]};
  };
  result.expect = [window = c.window, dtype = c.dtype, terms = w.elements() / w[0] + 1](const Named<Array>& in) {
    const auto forward = [&](const Array& x, const Array& kernel, const Array& bias) {
      return reference::conv2d_forward(window, x, kernel, bias);
    };
    Named<Expected> expected;
    expected.set("y", within(dtype, forward(in["x"], in["w"], in["bias"]),
                             forward(absolute(in["x"]), absolute(in["w"]), absolute(in["bias"])), sum_error(terms)));
    return expected;
  };
}

void add_backward_data(const ConvCase& c, const Source& values, const Source& weights, const Shape& w, const Shape& y,
                       OpCase& result) {
  result.input("dy", y, c.dtype, values).input("w", w, c.dtype, weights).output("dx", c.x, c.dtype);
  result.operation = [window = c.window](const Named<TensorView>& v) -> Op {
    return Conv2dBackwardData{window, v["dy"], v["w"], v["dx"]};
  };
  result.expect = [c, terms = w.elements() / w[3]](const Named<Array>& in) {
    const auto backward = [&](const Array& dy, const Array& kernel) {
      return reference::conv2d_backward_data(c.window, dy, kernel, c.x);
    };
    Named<Expected> expected;
    expected.set("dx", within(c.dtype, backward(in["dy"], in["w"]), backward(absolute(in["dy"]), absolute(in["w"])),
                              sum_error(terms)));
    return expected;
  };
}

void add_backward_weights(const ConvCase& c, const Source& values, const Shape& w, const Shape& y, OpCase& result) {
  result.input("x", c.x, c.dtype, values).input("dy", y, c.dtype, values).output("dw", w, kFloat);
  if (c.bias) result.output("dbias", {c.outputs}, kFloat);
  result.operation = [window = c.window](const Named<TensorView>& v) -> Op {
    return Conv2dBackwardWeights{window, v["x"], v["dy"], v["dw"], v["dbias"]};
  };
  result.expect = [window = c.window, terms = y.rows()](const Named<Array>& in) {
    const auto gradients = reference::conv2d_backward_weights(window, in["x"], in["dy"]);
    const auto sizes = reference::conv2d_backward_weights(window, absolute(in["x"]), absolute(in["dy"]));
    Named<Expected> expected;
    expected.set("dw", within(kFloat, gradients.dw, sizes.dw, sum_error(terms)));
    expected.set("dbias", within(kFloat, gradients.dbias, sizes.dbias, sum_error(terms)));
    return expected;
  };
}

}  // namespace

OpCase ConvCase::make() const {
  const Shape w{outputs, window.size, window.size, x.channels()};
  const Shape y{x[0], window.output_extent(x[1]), window.output_extent(x[2]), outputs};
  const char* const op = direction == ConvDirection::kForward        ? "conv2d_forward"
                         : direction == ConvDirection::kBackwardData ? "conv2d_backward_data"
                                                                     : "conv2d_backward_weights";
  const std::string details =
      fmt::format("x {}, window {}, {} outputs{}", text(x), text(window), outputs, bias ? ", bias" : "");
  OpCase result = new_case(op, details, dtype, fill);
  result.vendor = true;
  const bool exact = fill == Fill::kExact;
  const double fan_in = static_cast<double>(w.elements() / outputs);
  const Source values = exact ? integers(-2, 2) : normal();
  const Source weights = exact ? integers(-2, 2) : normal(0, std::sqrt(2 / fan_in));
  switch (direction) {
    case ConvDirection::kForward:
      add_forward(*this, values, weights, w, y, result);
      break;
    case ConvDirection::kBackwardData:
      add_backward_data(*this, values, weights, w, y, result);
      break;
    case ConvDirection::kBackwardWeights:
      add_backward_weights(*this, values, w, y, result);
      break;
  }
  return result;
}

}  // namespace drift::testing
