// Convolutions, forward and both gradients: 3x3, 1x1 and 7x7 windows, strides and odd sizes, few and many channels, and
// those of 3x3 by Winograd too.
#include <cmath>

#include "tests/kernels/cases/label.h"
#include "tests/kernels/tolerance.h"
#include "tests/reference/conv.h"
#include "tests/reference/winograd.h"

namespace drift::testing {
namespace {

constexpr DType kFloat = DType::kFloat32;
using reference::Terms;

bool by_winograd(const ConvCase& c) {
  return c.form == ConvolutionForm::kWinograd;
}

// Relative to Winograd's form on absolute values; terms: channels, or tiles of a weight gradient.
double winograd_error(std::int64_t terms) {
  return sum_error(terms + reference::kWinogradRoundings);
}

void add_forward(const ConvCase& c, const Source& values, const Source& weights, const Shape& w, const Shape& y,
                 OpCase& result) {
  const std::int64_t outputs = c.outputs;
  result.input("x", c.x, c.dtype, values).input("w", w, c.dtype, weights);
  if (c.bias) result.weight("bias", {outputs}, values);
  result.output("y", y, c.dtype);
  result.operation = [window = c.window](const Named<TensorView>& v) -> Op {
    return Conv2dForward{window, v["x"], v["w"], v["bias"], v["y"]};
  };
  result.expect = [c, terms = w.elements() / w[0] + 1](const Named<Array>& in) {
    const auto forward = [&](const Array& x, const Array& kernel, const Array& bias) {
      return reference::conv2d_forward(c.window, x, kernel, bias);
    };
    const Array expected_y = forward(in["x"], in["w"], in["bias"]);
    Named<Expected> expected;
    if (by_winograd(c)) {
      Array sizes = reference::winograd_forward(in["x"], in["w"], Terms::kAbsolute);
      for (std::int64_t i = 0; c.bias && i < sizes.elements(); ++i) sizes[i] += std::abs(in["bias"][i % c.outputs]);
      expected.set("y", within(c.dtype, expected_y, sizes, winograd_error(c.x.channels())));
    } else {
      expected.set("y", within(c.dtype, expected_y, forward(absolute(in["x"]), absolute(in["w"]), absolute(in["bias"])),
                               sum_error(terms)));
    }
    return expected;
  };
}

void add_backward_data(const ConvCase& c, const Source& values, const Source& weights, const Shape& w, const Shape& y,
                       OpCase& result) {
  result.input("dy", y, c.dtype, values).input("w", w, c.dtype, weights).output("dx", c.x, c.dtype);
  if (c.addend) result.input("addend", c.x, c.dtype, values);
  result.operation = [window = c.window](const Named<TensorView>& v) -> Op {
    return Conv2dBackwardData{.window = window, .dy = v["dy"], .w = v["w"], .dx = v["dx"], .addend = v["addend"]};
  };
  result.expect = [c, terms = w.elements() / w[3] + 1](const Named<Array>& in) {
    const auto backward = [&](const Array& dy, const Array& kernel, const Array& addend) {
      Array dx = reference::conv2d_backward_data(c.window, dy, kernel, c.x);
      for (std::int64_t i = 0; c.addend && i < dx.elements(); ++i) dx[i] += addend[i];
      return dx;
    };
    const Array dx = backward(in["dy"], in["w"], in["addend"]);
    Named<Expected> expected;
    if (by_winograd(c)) {
      expected.set("dx", within(c.dtype, dx, reference::winograd_backward_data(in["dy"], in["w"], Terms::kAbsolute),
                                winograd_error(c.outputs)));
    } else {
      expected.set("dx", within(c.dtype, dx, backward(absolute(in["dy"]), absolute(in["w"]), absolute(in["addend"])),
                                sum_error(terms)));
    }
    return expected;
  };
}

void add_backward_weights(const ConvCase& c, const Source& values, const Shape& w, const Shape& y, OpCase& result) {
  result.input("x", c.x, c.dtype, values).input("dy", y, c.dtype, values).output("dw", w, kFloat);
  if (c.bias) result.output("dbias", {c.outputs}, kFloat);
  result.operation = [window = c.window](const Named<TensorView>& v) -> Op {
    return Conv2dBackwardWeights{window, v["x"], v["dy"], v["dw"], v["dbias"]};
  };
  result.expect = [c, terms = y.rows()](const Named<Array>& in) {
    const auto gradients = reference::conv2d_backward_weights(c.window, in["x"], in["dy"]);
    const auto sizes = reference::conv2d_backward_weights(c.window, absolute(in["x"]), absolute(in["dy"]));
    Named<Expected> expected;
    if (by_winograd(c)) {
      const std::int64_t tiles = c.x[0] * ((c.x[1] + 3) / 4) * ((c.x[2] + 3) / 4);
      expected.set(
          "dw", within(kFloat, gradients.dw, reference::winograd_backward_weights(in["x"], in["dy"], Terms::kAbsolute),
                       winograd_error(tiles)));
    } else {
      expected.set("dw", within(kFloat, gradients.dw, sizes.dw, sum_error(terms)));
    }
    expected.set("dbias", within(kFloat, gradients.dbias, sizes.dbias, sum_error(terms)));
    return expected;
  };
}

}  // namespace

OpCase ConvCase::make() const {
  const Shape w{outputs, window.size, window.size, x.channels()};
  const Shape y{x[0], window.output_extent(x[1]), window.output_extent(x[2]), outputs};
  const char* const op = direction == ConvDirection::kForward        ? "forward"
                         : direction == ConvDirection::kBackwardData ? "backward_data"
                                                                     : "backward_weights";
  const std::string details = fmt::format("x {}, window {}, {} outputs{}{}", text(x), text(window), outputs,
                                          bias ? ", bias" : "", addend ? ", addend" : "");
  OpCase result = new_case(fmt::format("{}_{}", by_winograd(*this) ? "winograd" : "conv2d", op), details, dtype, fill);
  result.form = form;
  result.vendor = !by_winograd(*this);
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
