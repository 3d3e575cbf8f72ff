// SGD and averaging are held to the bits of a float32 evaluation of the same formula in the same order (the build
// contracts nothing).
#include <span>

#include "tests/kernels/cases/label.h"
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

OpCase SgdCase::make() const {
  OpCase result = new_case("sgd_update",
                           fmt::format("{} elements, lr {} momentum {} decay {}{}", elements, lr, momentum,
                                       weight_decay, nesterov ? " nesterov" : ""),
                           kFloat);
  const Shape shape{elements};
  result.in_out("w", shape, kFloat, normal()).in_out("v", shape, kFloat, normal()).input("g", shape, kFloat, normal());
  result.input("lr", {1}, kFloat, constant(lr));
  result.run = [c = *this](Backend& backend, const Named<TensorView>& v) {
    const auto floats = [&](const char* name) {
      return std::span(v[name].as<float>(), static_cast<std::size_t>(c.elements));
    };
    backend.sgd_update({floats("w"), floats("v"), floats("g"), v["lr"], c.momentum, c.weight_decay, c.nesterov});
  };
  result.expect = [c = *this](const Named<Array>& in) {
    const std::vector<float> g = to_floats(in["g"]);
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

OpCase AverageCase::make() const {
  OpCase result = new_case("average", fmt::format("{} replicas of {}", replicas, elements), kFloat);
  for (std::int64_t k = 0; k < replicas; ++k) result.in_out(replica_name(k), {elements}, kFloat, normal());
  result.run = [c = *this](Backend& backend, const Named<TensorView>& v) {
    std::vector<float*> pointers;
    for (std::int64_t k = 0; k < c.replicas; ++k) pointers.push_back(v[replica_name(k)].as<float>());
    backend.average(pointers, c.elements);
  };
  result.expect = [c = *this](const Named<Array>& in) {
    std::vector<std::vector<float>> values;
    for (std::int64_t k = 0; k < c.replicas; ++k) values.push_back(to_floats(in[replica_name(k)]));
    const Expected mean = exactly(reference::tree_average(values));
    Named<Expected> expected;
    for (std::int64_t k = 0; k < c.replicas; ++k) expected.set(replica_name(k), mean);
    return expected;
  };
  return result;
}

}  // namespace drift::testing
