// The linear layer, forward and backward.
#include "tests/kernels/cases/label.h"
#include "tests/kernels/tolerance.h"
#include "tests/reference/linear.h"

namespace drift::testing {
namespace {

constexpr DType kFloat = DType::kFloat32;

void add_forward(const LinearCase& c, const Source& values, OpCase& result) {
  result.input("x", {c.samples, c.inputs}, c.dtype, values).input("w", {c.outputs, c.inputs}, c.dtype, values);
  if (c.bias) result.weight("bias", {c.outputs}, values);
  result.output("y", {c.samples, c.outputs}, kFloat);
  result.operation = [](const Named<TensorView>& v) -> Op { return LinearForward{v["x"], v["w"], v["bias"], v["y"]}; };
  result.expect = [terms = c.inputs + 1](const Named<Array>& in) {
    const Array y = reference::linear_forward(in["x"], in["w"], in["bias"]);
    const Array size = reference::linear_forward(absolute(in["x"]), absolute(in["w"]), absolute(in["bias"]));
    Named<Expected> expected;
    expected.set("y", within(kFloat, y, size, sum_error(terms)));
    return expected;
  };
}

void add_backward(const LinearCase& c, const Source& values, OpCase& result) {
  const Shape x{c.samples, c.inputs};
  const Shape w{c.outputs, c.inputs};
  result.input("x", x, c.dtype, values).weight("dy", {c.samples, c.outputs}, values).input("w", w, c.dtype, values);
  if (!c.dx) result.stops_nan("only dx needs w, and it is not wanted");
  if (c.dx) result.output("dx", x, c.dtype);
  result.output("dw", w, kFloat);
  if (c.bias) result.output("dbias", {c.outputs}, kFloat);
  result.operation = [](const Named<TensorView>& v) -> Op {
    return LinearBackward{v["x"], v["dy"], v["w"], v["dx"], v["dw"], v["dbias"]};
  };
  result.expect = [c](const Named<Array>& in) {
    const auto gradients = reference::linear_backward(in["x"], in["dy"], in["w"]);
    const auto sizes = reference::linear_backward(absolute(in["x"]), absolute(in["dy"]), absolute(in["w"]));
    Named<Expected> expected;
    expected.set("dx", within(c.dtype, gradients.dx, sizes.dx, sum_error(c.outputs)));
    expected.set("dw", within(kFloat, gradients.dw, sizes.dw, sum_error(c.samples)));
    expected.set("dbias", within(kFloat, gradients.dbias, sizes.dbias, sum_error(c.samples)));
    return expected;
  };
}

}  // namespace

OpCase LinearCase::make() const {
  const std::string details = fmt::format("{} samples, {} inputs, {} outputs{}{}", samples, inputs, outputs,
                                          bias ? ", bias" : "", backward && !dx ? ", no dx" : "");
  OpCase result = new_case(backward ? "linear_backward" : "linear_forward", details, dtype, fill);
  result.vendor = true;
  const Source values = fill == Fill::kExact ? integers(-3, 3) : normal();
  if (backward) {
    add_backward(*this, values, result);
  } else {
    add_forward(*this, values, result);
  }
  return result;
}

}  // namespace drift::testing
