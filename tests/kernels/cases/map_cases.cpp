// Element-wise operations. All but SiLU are exact: one float32 evaluation of the formula, rounded once.
#include <cmath>

#include "tests/kernels/cases/label.h"
#include "tests/kernels/tolerance.h"
#include "tests/reference/activation.h"
#include "tests/reference/shortcut.h"

namespace drift::testing {
namespace {

// SiLU of float32: the exponential is good to 3 ulp (6 u), the sum, the division and the product add a rounding each.
// Below x = -87 the sigmoid leaves the normal numbers: anything up to the smallest of them will do.
constexpr double kSiluError = 10 * kUnit;
constexpr double kSmallestNormal = 0x1p-126;

Named<Expected> only(std::string_view name, Expected expected) {
  Named<Expected> all;
  all.set(name, std::move(expected));
  return all;
}

Expected expect_silu(DType dtype, const Array& x) {
  Expected expected{reference::silu_forward(x), Array(x.shape)};
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    const double y = expected.values[i];
    expected.tolerance[i] = stored(dtype, y, kSiluError * std::abs(y) + kSmallestNormal * std::abs(x[i]));
  }
  return expected;
}

// dx = dy s (1 + x (1 - s)): near its root, and where 1 - s cancels, the error is relative to the parts.
Expected expect_silu_backward(DType dtype, const Array& x, const Array& dy) {
  Expected expected{reference::silu_backward(x, dy), Array(x.shape)};
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    const double outer = std::abs(dy[i]) * (1 + std::abs(x[i]));
    const double off = outer * (kSiluError * reference::sigmoid(x[i]) + kSmallestNormal);
    expected.tolerance[i] = stored(dtype, expected.values[i], off);
  }
  return expected;
}

// Normal numbers, each seventh from the rest of the range: zeros of both signs, tiny ones, and ones where exp over- or
// underflows.
Source wide() {
  return [](const Rng& rng, std::int64_t i) {
    constexpr double kSpecial[] = {0.0, -0.0, 1e-30, -1e-30, 30.0, -30.0, 90.0, -90.0, 200.0, -200.0};
    if (i % 7 == 3) return kSpecial[i / 7 % 10];
    return 3.0 * rng.normal(static_cast<std::uint64_t>(i));
  };
}

}  // namespace

OpCase ActivationCase::make() const {
  const std::string op =
      std::string(kind == Activation::kRelu ? "relu" : "silu") + (backward ? "_backward" : "_forward");
  OpCase result = new_case(op, "x " + text(x), dtype);
  const bool relu = kind == Activation::kRelu;
  if (!backward) {
    result.input("x", x, dtype, wide()).output("y", x, dtype);
    result.operation = [kind = kind](const Named<TensorView>& v) -> Op {
      return ActivationForward{kind, v["x"], v["y"]};
    };
    result.expect = [relu, dtype = dtype](const Named<Array>& in) {
      return only("y", relu ? Expected{reference::relu_forward(in["x"]), {}} : expect_silu(dtype, in["x"]));
    };
    return result;
  }
  const Source relu_output = [](const Rng& rng, std::int64_t i) { return std::max(0.0, wide()(rng, i)); };
  result.input("saved", x, dtype, relu ? relu_output : wide()).input("dy", x, dtype, normal()).output("dx", x, dtype);
  result.operation = [kind = kind](const Named<TensorView>& v) -> Op {
    return ActivationBackward{kind, v["saved"], v["dy"], v["dx"]};
  };
  result.expect = [relu, dtype = dtype](const Named<Array>& in) {
    return only("dx", relu ? Expected{reference::relu_backward(in["saved"], in["dy"]), {}}
                           : expect_silu_backward(dtype, in["saved"], in["dy"]));
  };
  return result;
}

OpCase AddCase::make() const {
  const char* const y = alias == Alias::kA ? "a" : alias == Alias::kB ? "b" : "y";
  OpCase result = new_case("add", fmt::format("x {}, into {}", text(x), y), dtype);
  const auto add_input = [&](const char* name, bool overwritten) {
    overwritten ? result.in_out(name, x, dtype, normal()) : result.input(name, x, dtype, normal());
  };
  add_input("a", alias == Alias::kA);
  add_input("b", alias == Alias::kB);
  if (alias == Alias::kNone) result.output("y", x, dtype);
  result.operation = [y](const Named<TensorView>& v) -> Op { return Add{v["a"], v["b"], v[y]}; };
  result.expect = [y](const Named<Array>& in) {
    Array sum = in["a"];
    for (std::int64_t i = 0; i < sum.elements(); ++i) sum[i] += in["b"][i];
    return only(y, {sum, {}});
  };
  return result;
}

OpCase ShortcutCase::make() const {
  const Shape y{x[0], (x[1] + stride - 1) / stride, (x[2] + stride - 1) / stride, channels};
  OpCase result = new_case(backward ? "shortcut_backward" : "shortcut_forward",
                           fmt::format("x {}, stride {}, {} channels", text(x), stride, channels), dtype);
  if (backward) {
    result.input("dy", y, dtype, normal()).output("dx", x, dtype);
    result.operation = [stride = stride](const Named<TensorView>& v) -> Op {
      return ShortcutBackward{stride, v["dy"], v["dx"]};
    };
    result.expect = [stride = stride, x = x](const Named<Array>& in) {
      return only("dx", {reference::shortcut_backward(stride, in["dy"], x), {}});
    };
    return result;
  }
  result.input("x", x, dtype, normal()).output("y", y, dtype);
  result.operation = [stride = stride](const Named<TensorView>& v) -> Op {
    return ShortcutForward{stride, v["x"], v["y"]};
  };
  result.expect = [stride = stride, channels = channels](const Named<Array>& in) {
    return only("y", {reference::shortcut_forward(stride, in["x"], channels), {}});
  };
  return result;
}

OpCase CopyCase::make() const {
  OpCase result = new_case("copy", "x " + text(x), dtype);
  result.input("x", x, dtype, dtype == DType::kUint8 ? integers(0, 255) : wide()).output("y", x, dtype);
  result.operation = [](const Named<TensorView>& v) -> Op { return Copy{v["x"], v["y"]}; };
  result.expect = [](const Named<Array>& in) { return only("y", {in["x"], {}}); };
  return result;
}

OpCase FillCase::make() const {
  OpCase result = new_case("fill", fmt::format("y {}, value {}", text(x), value), dtype);
  result.output("y", x, dtype);
  result.operation = [value = value](const Named<TensorView>& v) -> Op { return drift::Fill{v["y"], value}; };
  result.expect = [x = x, value = value](const Named<Array>&) { return only("y", {Array(x, value), {}}); };
  return result;
}

OpCase CastCase::make() const {
  OpCase result = new_case("cast", fmt::format("x {} to {}", text(x), name_of(to)), from);
  result.input("x", x, from, wide()).output("y", x, to);
  result.operation = [](const Named<TensorView>& v) -> Op { return Cast{v["x"], v["y"]}; };
  result.expect = [](const Named<Array>& in) { return only("y", {in["x"], {}}); };
  return result;
}

}  // namespace drift::testing
