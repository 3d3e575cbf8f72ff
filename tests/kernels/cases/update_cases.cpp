// SGD and averaging are held to the bits of a float32 evaluation of the same formula in the same order (the build
// contracts nothing). The norm that clips is the root of a float32 sum of rounded squares: half their relative error,
// and the scale is rounded once more.
#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "tests/kernels/cases/label.h"
#include "tests/kernels/tolerance.h"
#include "tests/reference/sgd.h"

namespace drift::testing {
namespace {

constexpr DType kFloat = DType::kFloat32;

std::vector<float> to_floats(const Array& array) {
  return {array.values.begin(), array.values.end()};
}

Expected exactly(const std::vector<float>& values) {
  return {Array({static_cast<std::int64_t>(values.size())}, {values.begin(), values.end()}), {}};
}

std::string replica_name(std::int64_t k) {
  return fmt::format("replica{}", k);
}

}  // namespace

OpCase ClipScaleCase::make() const {
  OpCase result = new_case("clip_scale",
                           fmt::format("{} elements of deviation {}, norm {}", elements, deviation, max_norm), kFloat);
  result.input("values", {elements}, kFloat, normal(0, deviation)).output("result", {1}, kFloat);
  result.operation = [c = *this](const Named<TensorView>& v) -> Op {
    return ClipScale{std::span(v["values"].as<float>(), static_cast<std::size_t>(c.elements)), v["result"], c.max_norm};
  };
  result.expect = [c = *this](const Named<Array>& in) {
    const bool overflows = c.deviation > 1e19;  // in the squares
    const double scale =
        overflows ? std::numeric_limits<double>::quiet_NaN() : reference::clip_scale(in["values"].values, c.max_norm);
    Named<Expected> expected;
    expected.set("result", {Array({1}, {scale}), Array({1}, {scale * (sum_error(c.elements) / 2 + 2 * kUnit)})});
    return expected;
  };
  return result;
}

OpCase SgdCase::make() const {
  OpCase result =
      new_case("sgd_update",
               fmt::format("{} elements, lr {} momentum {} decay {}{}{}", elements, lr, momentum, weight_decay,
                           nesterov ? " nesterov" : "", scale ? fmt::format(" scale {}", *scale) : ""),
               kFloat);
  const Shape shape{elements};
  result.in_out("w", shape, kFloat, normal()).in_out("v", shape, kFloat, normal()).input("g", shape, kFloat, normal());
  result.input("lr", {1}, kFloat, constant(lr));
  if (scale) result.input("scale", {1}, kFloat, constant(*scale));
  result.operation = [c = *this](const Named<TensorView>& v) -> Op {
    const auto floats = [&](const char* name) {
      return std::span(v[name].as<float>(), static_cast<std::size_t>(c.elements));
    };
    return SgdUpdate{floats("w"), floats("v"), floats("g"),    v["lr"],
                     v["scale"],  c.momentum,  c.weight_decay, c.nesterov};
  };
  result.expect = [c = *this](const Named<Array>& in) {
    std::vector<float> g = to_floats(in["g"]);
    for (float& value : g) value *= c.scale ? static_cast<float>(in["scale"][0]) : 1;
    std::vector<float> v = to_floats(in["v"]);
    std::vector<float> w = to_floats(in["w"]);
    reference::sgd_update<float>({static_cast<float>(in["lr"][0]), c.momentum, c.weight_decay, c.nesterov}, g, v, w);
    Named<Expected> expected;
    expected.set("v", exactly(v));
    expected.set("w", exactly(w));
    return expected;
  };
  return result;
}

OpCase OuterCase::make() const {
  OpCase result = new_case(
      "outer_update",
      fmt::format("{} elements, lr {} momentum {}{}", elements, lr, momentum, nesterov ? " nesterov" : ""), kFloat);
  const Shape shape{elements};
  result.in_out("w", shape, kFloat, normal()).in_out("v", shape, kFloat, normal());
  if (momentum == 0) result.stops_nan("it is overwritten");
  result.input("start", shape, kFloat, normal());
  result.operation = [c = *this](const Named<TensorView>& v) -> Op {
    const auto floats = [&](const char* name) {
      return std::span(v[name].as<float>(), static_cast<std::size_t>(c.elements));
    };
    return OuterUpdate{floats("w"), floats("v"), floats("start"), c.lr, c.momentum, c.nesterov};
  };
  result.expect = [c = *this](const Named<Array>& in) {
    const std::vector<float> start = to_floats(in["start"]);
    std::vector<float> v = to_floats(in["v"]), w = to_floats(in["w"]);
    reference::outer_update<float>({.lr = c.lr, .momentum = c.momentum, .nesterov = c.nesterov}, start, v, w);
    Named<Expected> expected;
    expected.set("v", exactly(v));
    expected.set("w", exactly(w));
    return expected;
  };
  return result;
}

OpCase CountNonFiniteCase::make() const {
  OpCase result = new_case("count_non_finite", fmt::format("{} of {} elements", places.size(), elements), kFloat);
  result.input("values", {elements}, kFloat, [places = places](const Rng& rng, std::int64_t i) -> double {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    constexpr double kPlanted[] = {std::numeric_limits<double>::quiet_NaN(), kInfinity, -kInfinity};
    const auto found = std::ranges::find(places, i);
    return found == places.end() ? rng.normal(static_cast<std::uint64_t>(i)) : kPlanted[(found - places.begin()) % 3];
  });
  result.stops_nan("it is what is counted: the count is a number");
  result.output("result", {1}, kFloat);
  result.operation = [elements = elements](const Named<TensorView>& v) -> Op {
    return CountNonFinite{std::span(v["values"].as<float>(), static_cast<std::size_t>(elements)), v["result"]};
  };
  result.expect = [](const Named<Array>& in) {
    const auto count = std::ranges::count_if(in["values"].values, [](double value) { return !std::isfinite(value); });
    Named<Expected> expected;
    expected.set("result", exactly({static_cast<float>(count)}));
    return expected;
  };
  return result;
}

OpCase SquaredDistanceCase::make() const {
  OpCase result = new_case(
      "squared_distance",
      fmt::format("{} elements{}", elements, from_zero ? "" : fmt::format(", from others of deviation {}", deviation)),
      kFloat);
  result.input("a", {elements}, kFloat, normal());
  if (!from_zero) result.input("b", {elements}, kFloat, normal(0, deviation));
  result.output("result", {1}, kFloat);
  result.operation = [c = *this](const Named<TensorView>& v) -> Op {
    const auto floats = [&](const char* name) {
      return std::span<const float>(v[name].as<float>(), static_cast<std::size_t>(c.elements));
    };
    return SquaredDistance{floats("a"), c.from_zero ? std::span<const float>() : floats("b"), v["result"]};
  };
  result.expect = [c = *this, elements = elements](const Named<Array>& in) {
    double sum = 0, rounding = 0;  // each difference is rounded once
    for (std::int64_t i = 0; i < elements; ++i) {
      const double difference = in["a"][i] - (c.from_zero ? 0 : in["b"][i]);
      sum += difference * difference;
      rounding += 2 * kUnit * difference * difference;
    }
    Named<Expected> expected;
    expected.set("result", {Array({1}, {sum}), Array({1}, {rounding + sum * (sum_error(elements) + kUnit)})});
    return expected;
  };
  return result;
}

OpCase CompressCase::make() const {
  OpCase result = new_case(
      "compress",
      fmt::format("{} elements{}{}", elements, start ? " since a start" : "", error ? " with what was left out" : ""),
      kFloat);
  result.in_out("x", {elements}, kFloat, normal());
  if (start) result.input("start", {elements}, kFloat, normal());
  if (error) result.in_out("error", {elements}, kFloat, normal(0, 0.01));
  result.operation = [c = *this](const Named<TensorView>& v) -> Op {
    const auto floats = [&](const char* name) {
      return std::span(v[name].as<float>(), static_cast<std::size_t>(c.elements));
    };
    return Compress{floats("x"), c.start ? floats("start") : std::span<float>{},
                    c.error ? floats("error") : std::span<float>{}};
  };
  result.expect = [c = *this](const Named<Array>& in) {
    std::vector<float> x = to_floats(in["x"]), left;
    if (c.error) left = to_floats(in["error"]);
    const std::vector<float> since = c.start ? to_floats(in["start"]) : std::vector<float>{};
    reference::compress(since, left, x);
    Named<Expected> expected;
    expected.set("x", exactly(x));
    if (c.error) expected.set("error", exactly(left));
    return expected;
  };
  return result;
}

OpCase AverageCase::make() const {
  OpCase result = new_case("average",
                           fmt::format("{} replicas of {}{}{}{}", replicas, elements, in_place ? "" : ", into another",
                                       divisor == 0 ? "" : fmt::format(", of {} in all", divisor),
                                       rounded == kFloat ? "" : ", rounded to bfloat16"),
                           kFloat);
  for (std::int64_t k = 0; k < replicas; ++k) {
    in_place ? result.in_out(replica_name(k), {elements}, kFloat, normal())
             : result.input(replica_name(k), {elements}, kFloat, normal());
  }
  if (!in_place) result.output("mean", {elements}, kFloat);
  // The lists of pointers that the operation refers to are kept here, until the next is made.
  result.operation = [c = *this, sources = std::vector<const float*>(),
                      targets = std::vector<float*>()](const Named<TensorView>& v) mutable -> Op {
    sources.clear();
    targets.clear();
    for (std::int64_t k = 0; k < c.replicas; ++k) {
      float* const replica = v[replica_name(k)].as<float>();
      sources.push_back(replica);
      if (c.in_place) targets.push_back(replica);
    }
    if (!c.in_place) targets.push_back(v["mean"].as<float>());
    return Average{sources, targets, c.elements, c.divisor, c.rounded};
  };
  result.expect = [c = *this](const Named<Array>& in) {
    std::vector<std::vector<float>> values;
    for (std::int64_t k = 0; k < c.replicas; ++k) values.push_back(to_floats(in[replica_name(k)]));
    const Expected mean = exactly(c.rounded == kFloat ? reference::tree_average(values, c.divisor)
                                                      : reference::rounded_tree_average(values, c.divisor));
    Named<Expected> expected;
    for (std::int64_t k = 0; c.in_place && k < c.replicas; ++k) expected.set(replica_name(k), mean);
    if (!c.in_place) expected.set("mean", mean);
    return expected;
  };
  return result;
}

}  // namespace drift::testing
