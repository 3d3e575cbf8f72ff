// Max, average and global average pooling, forward and backward.
#include <limits>
#include <utility>

#include "tests/kernels/cases/label.h"
#include "tests/kernels/tolerance.h"
#include "tests/reference/pool.h"

namespace drift::testing {
namespace {

Shape pooled(const PoolCase& c) {
  return {c.x[0], c.window.output_extent(c.x[1]), c.window.output_extent(c.x[2]), c.x[3]};
}

// The most windows that a pixel can be in, hence terms of its gradient.
std::int64_t overlaps(const Window& window) {
  const std::int64_t along = (window.size + window.stride - 1) / window.stride;
  return along * along;
}

void add_forward(const PoolCase& c, const Source& values, OpCase& result) {
  const bool max = c.pooling == Pooling::kMax;
  result.input("x", c.x, c.dtype, values).output("y", pooled(c), c.dtype);
  if (max) result.output("index", pooled(c), DType::kUint8);
  result.operation = [pooling = c.pooling, window = c.window](const Named<TensorView>& v) -> Op {
    return PoolForward{pooling, window, v["x"], v["y"], v["index"]};
  };
  result.expect = [max, c](const Named<Array>& in) {
    Named<Expected> expected;
    if (max) {
      const auto forward = reference::max_pool_forward(c.window, in["x"]);
      expected.set("y", {forward.y, {}});
      expected.set("index", {forward.index, {}});
    } else {
      expected.set("y", within(c.dtype, reference::average_pool_forward(c.window, in["x"]),
                               reference::average_pool_forward(c.window, absolute(in["x"])),
                               sum_error(c.window.size * c.window.size) + 2 * kUnit));
    }
    return expected;
  };
}

void add_backward(const PoolCase& c, const Source& values, OpCase& result) {
  const bool max = c.pooling == Pooling::kMax;
  const Shape y = pooled(c);
  result.input("dy", y, c.dtype, values);
  if (max) {
    // Any place inside the image is a possible winner.
    result.input("index", y, DType::kUint8, [c, y](const Rng& rng, std::int64_t i) -> double {
      const std::int64_t ow = i / y[3] % y[2];
      const std::int64_t oh = i / (y[3] * y[2]) % y[1];
      const std::int64_t area = c.window.size * c.window.size;
      const std::int64_t start = rng.below(static_cast<std::uint64_t>(i), static_cast<std::uint32_t>(area));
      for (std::int64_t place = start;; place = (place + 1) % area) {
        const std::int64_t h = oh * c.window.stride + place / c.window.size - c.window.pad;
        const std::int64_t w = ow * c.window.stride + place % c.window.size - c.window.pad;
        if (h >= 0 && h < c.x[1] && w >= 0 && w < c.x[2]) return static_cast<double>(place);
      }
    });
  }
  result.output("dx", c.x, c.dtype);
  result.operation = [pooling = c.pooling, window = c.window](const Named<TensorView>& v) -> Op {
    return PoolBackward{pooling, window, v["dy"], v["index"], v["dx"]};
  };
  result.expect = [max, c](const Named<Array>& in) {
    const auto backward = [&](const Array& dy) {
      return max ? reference::max_pool_backward(c.window, dy, in["index"], c.x)
                 : reference::average_pool_backward(c.window, dy, c.x);
    };
    const double relative = sum_error(overlaps(c.window)) + 2 * kUnit;
    Named<Expected> expected;
    expected.set("dx", within(c.dtype, backward(in["dy"]), backward(absolute(in["dy"])), relative));
    return expected;
  };
}

}  // namespace

OpCase PoolCase::make() const {
  const std::string op =
      std::string(pooling == Pooling::kMax ? "max_pool" : "average_pool") + (backward ? "_backward" : "_forward");
  OpCase result =
      new_case(op, fmt::format("x {}, window {}{}", text(x), text(window), nans ? ", NaNs" : ""), dtype, fill);
  Source values = fill == Fill::kExact ? integers(-2, 2) : normal();
  if (nans) {
    values = [numbers = std::move(values)](const Rng& rng, std::int64_t i) {
      return i % 5 == 0 ? std::numeric_limits<double>::quiet_NaN() : numbers(rng, i);
    };
  }
  if (backward) {
    add_backward(*this, values, result);
  } else {
    add_forward(*this, values, result);
  }
  return result;
}

OpCase GlobalAveragePoolCase::make() const {
  const Shape y{x[0], x[3]};
  const std::string op = backward ? "global_average_pool_backward" : "global_average_pool_forward";
  OpCase result = new_case(op, "x " + text(x), dtype, fill);
  const Source values = fill == Fill::kExact ? integers(-4, 4) : normal();
  const double relative = backward ? 2 * kUnit : sum_error(x[1] * x[2]) + 2 * kUnit;
  result.input(backward ? "dy" : "x", backward ? y : x, dtype, values);
  result.output(backward ? "dx" : "y", backward ? x : y, dtype);
  result.operation = [backward = backward](const Named<TensorView>& v) -> Op {
    if (backward) return GlobalAveragePoolBackward{v["dy"], v["dx"]};
    return GlobalAveragePoolForward{v["x"], v["y"]};
  };
  result.expect = [c = *this, relative](const Named<Array>& in) {
    Named<Expected> expected;
    if (c.backward) {
      const Array dx = reference::global_average_pool_backward(in["dy"], c.x);
      expected.set("dx", within(c.dtype, dx, dx, relative));
    } else {
      expected.set("y", within(c.dtype, reference::global_average_pool_forward(in["x"]),
                               reference::global_average_pool_forward(absolute(in["x"])), relative));
    }
    return expected;
  };
  return result;
}

}  // namespace drift::testing
