// A batch norm and a ReLU that a convolution computes while it reads (InputNorm): the convolution and its gradients,
// and what is left of the batch norm, on CPUs with AVX-512.
#include <cmath>

#include "tests/kernels/cases/label.h"
#include "tests/kernels/cases/norm_error.h"
#include "tests/kernels/tolerance.h"
#include "tests/reference/conv.h"
#include "tests/reference/winograd.h"

namespace drift::testing {
namespace {

constexpr DType kFloat = DType::kFloat32;
constexpr Window kWindow{3, 1, 1};
constexpr int kNormRoundings = 5;  // of (x - mean) (gamma inv_std) + beta, relative to its parts
using reference::Terms;

// In front of the ReLU, and the sum of the sizes of its parts.
struct Normalised {
  Array value, size;

  explicit Normalised(const Named<Array>& in) : value(in["x"].shape), size(in["x"].shape) {
    const Array& x = in["x"];
    for (std::int64_t i = 0; i < x.elements(); ++i) {
      const std::int64_t c = i % x.shape.channels();
      const double scale = in["gamma"][c] * in["inv_std"][c], mean = in["mean"][c], beta = in["beta"][c];
      value[i] = (x[i] - mean) * scale + beta;
      size[i] = (std::abs(x[i]) + std::abs(mean)) * std::abs(scale) + std::abs(beta);
    }
  }
  Array rectified() const {
    Array y = value;
    for (double& each : y.values) each = each <= 0 ? 0 : each;
    return y;
  }
  // Whether rounding may decide if the ReLU passes.
  bool unsure(std::int64_t i) const { return std::abs(value[i]) <= kNormRoundings * kUnit * size[i]; }
};

double error_of(std::int64_t terms) {
  return sum_error(terms + reference::kWinogradRoundings + kNormRoundings);
}

void add_norm(const Shape& x, OpCase& result) {
  const Shape channels{x.channels()};
  result.input("mean", channels, kFloat, normal(0.5, 0.1)).input("inv_std", channels, kFloat, normal(0.5, 0.05));
  result.input("gamma", channels, kFloat, normal(1, 0.3)).input("beta", channels, kFloat, normal());
}

InputNorm norm_of(const Named<TensorView>& v) {
  return {v["mean"], v["inv_std"], v["gamma"], v["beta"]};
}

Named<Expected> expect_forward(const NormOnReadingCase& c, const Named<Array>& in) {
  const Normalised x(in);
  Named<Expected> expected;
  expected.set("y", within(c.dtype, reference::conv2d_forward(kWindow, x.rectified(), in["w"], {}),
                           reference::winograd_forward(x.size, in["w"], Terms::kAbsolute), error_of(c.x.channels())));
  return expected;
}

Named<Expected> expect_backward_weights(const NormOnReadingCase& c, const Named<Array>& in) {
  const Normalised x(in);
  const std::int64_t tiles = c.x[0] * ((c.x[1] + 3) / 4) * ((c.x[2] + 3) / 4);
  Named<Expected> expected;
  expected.set("dw", within(kFloat, reference::conv2d_backward_weights(kWindow, x.rectified(), in["dy"]).dw,
                            reference::winograd_backward_weights(x.size, in["dy"], Terms::kAbsolute), error_of(tiles)));
  return expected;
}

Named<Expected> expect_backward_data(const NormOnReadingCase& c, const Named<Array>& in) {
  const Normalised normalised(in);
  const Array behind = reference::conv2d_backward_data(kWindow, in["dy"], in["w"], c.x);
  Array g = behind;
  for (std::int64_t i = 0; i < g.elements(); ++i) g[i] *= normalised.value[i] <= 0 ? 0 : 1;
  Expected dx =
      within(c.dtype, g, reference::winograd_backward_data(in["dy"], in["w"], Terms::kAbsolute), error_of(c.outputs));
  const std::int64_t channels = c.x.channels();
  Expected dgamma{Array({channels}), Array({channels})}, dbeta = dgamma;
  for (std::int64_t i = 0; i < g.elements(); ++i) {
    if (normalised.unsure(i)) dx.tolerance[i] += std::abs(behind[i]);
    const std::int64_t k = i % channels;
    const double x = in["x"][i], mean = in["mean"][k], inv_std = in["inv_std"][k];
    const double xhat = (x - mean) * inv_std, sum = sum_error(c.x.rows()) + 2 * kUnit;
    dbeta.values[k] += g[i];
    dbeta.tolerance[k] += dx.tolerance[i] + sum * std::abs(g[i]);
    dgamma.values[k] += g[i] * xhat;
    dgamma.tolerance[k] +=
        dx.tolerance[i] * std::abs(xhat) + std::abs(g[i]) * (sum * std::abs(xhat) + xhat_error(x, mean, inv_std));
  }
  Named<Expected> expected;
  expected.set("dx", dx);
  expected.set("dgamma", dgamma);
  expected.set("dbeta", dbeta);
  return expected;
}

Named<Expected> expect_rest(const BatchNormRestCase& c, const Named<Array>& in) {
  const double rows = static_cast<double>(c.x.rows());
  Expected dx{Array(c.x), Array(c.x)};
  for (std::int64_t i = 0; i < c.x.elements(); ++i) {
    const std::int64_t k = i % c.x.channels();
    const double inv_std = in["inv_std"][k], scale = in["gamma"][k] * inv_std, x = in["x"][i], mean = in["mean"][k];
    const double xhat = (x - mean) * inv_std, parts_of_xhat = inv_std * (std::abs(x) + std::abs(mean));
    const double g = in["dy"][i], mean_g = in["dbeta"][k] / rows, mean_gx = in["dgamma"][k] / rows;
    dx.values[i] = scale * (c.frozen ? g : g - mean_g - xhat * mean_gx);
    const double parts =
        std::abs(g) + (c.frozen ? 0 : std::abs(mean_g) + (std::abs(xhat) + parts_of_xhat) * std::abs(mean_gx));
    dx.tolerance[i] = stored(c.dtype, dx.values[i], 6 * kUnit * std::abs(scale) * parts);
  }
  Named<Expected> expected;
  expected.set(c.over_dy ? "dy" : "dx", dx);
  return expected;
}

}  // namespace

OpCase NormOnReadingCase::make() const {
  const Shape w{outputs, 3, 3, x.channels()}, y{x[0], x[1], x[2], outputs};
  const char* const op = direction == ConvDirection::kForward        ? "norm_conv2d_forward"
                         : direction == ConvDirection::kBackwardData ? "norm_conv2d_backward_data"
                                                                     : "norm_conv2d_backward_weights";
  OpCase result = new_case(op, fmt::format("x {}, {} outputs", text(x), outputs), dtype);
  result.form = ConvolutionForm::kWinograd;
  const Source weights = normal(0, std::sqrt(2 / (9.0 * static_cast<double>(x.channels()))));
  result.input("x", x, dtype, normal(0.5, 2));
  add_norm(x, result);
  switch (direction) {
    case ConvDirection::kForward:
      result.input("w", w, dtype, weights).output("y", y, dtype);
      result.operation = [](const Named<TensorView>& v) -> Op {
        return Conv2dForward{.window = kWindow, .x = v["x"], .w = v["w"], .bias = {}, .y = v["y"], .norm = norm_of(v)};
      };
      result.expect = [c = *this](const Named<Array>& in) { return expect_forward(c, in); };
      break;
    case ConvDirection::kBackwardData:
      for (Operand& operand : result.operands) {
        if (operand.name == "gamma" || operand.name == "beta") operand.stops_nan = "the mask of a NaN is 1";
      }
      result.input("dy", y, dtype, normal()).input("w", w, dtype, weights).output("dx", x, dtype);
      result.output("dgamma", {x.channels()}, kFloat).output("dbeta", {x.channels()}, kFloat);
      result.operation = [](const Named<TensorView>& v) -> Op {
        return Conv2dBackwardData{kWindow, v["dy"], v["w"], v["dx"], v["x"], v["dgamma"], v["dbeta"], norm_of(v)};
      };
      result.expect = [c = *this](const Named<Array>& in) { return expect_backward_data(c, in); };
      break;
    case ConvDirection::kBackwardWeights:
      result.input("dy", y, dtype, normal()).output("dw", w, kFloat);
      result.operation = [](const Named<TensorView>& v) -> Op {
        return Conv2dBackwardWeights{kWindow, v["x"], v["dy"], v["dw"], {}, norm_of(v)};
      };
      result.expect = [c = *this](const Named<Array>& in) { return expect_backward_weights(c, in); };
  }
  return result;
}

OpCase BatchNormRestCase::make() const {
  const Shape channels{x.channels()};
  OpCase result =
      new_case("batch_norm_rest_backward",
               fmt::format("x {}{}{}", text(x), over_dy ? ", over dy" : "", frozen ? ", frozen" : ""), dtype);
  result.form = ConvolutionForm::kWinograd;
  over_dy ? result.in_out("dy", x, dtype, normal()) : result.input("dy", x, dtype, normal());
  const char* const kFrozen = "dx does not depend on it with frozen statistics";
  const auto given = [&](const char* name, const Shape& shape, DType type, const Source& source, bool matters) {
    result.input(name, shape, type, source);
    if (!matters) result.stops_nan(kFrozen);
  };
  given("x", x, dtype, normal(0.5, 2), !frozen);
  given("mean", channels, kFloat, normal(0.5, 0.1), !frozen);
  given("inv_std", channels, kFloat, normal(0.5, 0.05), true);
  given("gamma", channels, kFloat, normal(1, 0.3), true);
  given("dgamma", channels, kFloat, normal(0, 5), !frozen);
  given("dbeta", channels, kFloat, normal(0, 5), !frozen);
  if (!over_dy) result.output("dx", x, dtype);
  result.operation = [over_dy = over_dy, frozen = frozen](const Named<TensorView>& v) -> Op {
    BatchNormBackward op{.dy = v["dy"],
                         .dy2 = {},
                         .x = v["x"],
                         .mask = {},
                         .mean = v["mean"],
                         .inv_std = v["inv_std"],
                         .gamma = v["gamma"],
                         .dx = v[over_dy ? "dy" : "dx"],
                         .dz = {},
                         .dgamma = v["dgamma"],
                         .dbeta = v["dbeta"]};
    op.frozen = frozen;
    op.summed = true;
    return op;
  };
  result.expect = [c = *this](const Named<Array>& in) { return expect_rest(c, in); };
  return result;
}

}  // namespace drift::testing
