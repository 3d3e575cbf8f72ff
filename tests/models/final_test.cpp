// What the tape says is final in the middle of backward: whoever takes the gradient away then, and spoils it and the
// parameter, changes nothing of what comes later. Averages that go on beside backward rely on it.
#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <limits>
#include <map>
#include <tuple>

#include "models/registry.h"
#include "tests/engine/environment.h"

namespace drift {
namespace {

using testing::Environment;

class FinalParameters : public ::testing::TestWithParam<std::tuple<ModelOptions, DType>> {};

TEST_P(FinalParameters, AreNeitherReadNorWrittenAgain) {
  const auto& [options, precision] = GetParam();
  if (precision == DType::kBFloat16 && !cpu_features().bf16) GTEST_SKIP() << "this CPU has no bf16 arithmetic";
  Environment environment;
  Backend& backend = environment.backend();
  const std::unique_ptr<Model> model = make_model(options);
  const ParameterSet& set = model->parameters;
  model->parameters.allocate(backend);
  const Tensor images = environment.normal({4, model->input[0], model->input[1], 3}, 0, precision);
  const Tensor labels = environment.cyclic_labels(4, options.classes);
  const auto run = [&](const std::function<void(const Parameter&)>& is_final) {
    model->parameters.initialise(backend, 1);
    Tape tape(backend, environment.pool(), precision, kTraining);
    softmax_cross_entropy(tape, model->network->forward(tape, images), labels.view());
    tape.backward(is_final);
  };
  run({});
  std::map<const Parameter*, std::vector<float>> expected, taken;
  for (const Parameter* const parameter : set.parameters()) {
    expected[parameter] = environment.read(parameter->gradient());
  }
  run([&](const Parameter& parameter) {
    EXPECT_FALSE(taken.contains(&parameter)) << parameter.name() << " is final twice";
    taken[&parameter] = environment.read(parameter.gradient());
    for (const TensorView& view : {parameter.value(), parameter.gradient()}) {
      backend.fill(view, std::numeric_limits<float>::quiet_NaN());
    }
  });
  EXPECT_EQ(taken.size(), set.parameters().size());
  for (const auto& [parameter, gradient] : expected) EXPECT_EQ(taken[parameter], gradient) << parameter->name();
}

std::string test_name(const ::testing::TestParamInfo<FinalParameters::ParamType>& tested) {
  const auto& [options, precision] = tested.param;
  std::string name = fmt::format("{}_{}_{}", options.name, options.norm, name_of(precision));
  std::ranges::replace(name, '-', '_');
  return name;
}

const ModelOptions kModels[] = {
    {.name = "cifar-resnet8"}, {.name = "cifar-resnet8", .norm = "group"}, {.name = "vgg16"}, {.name = "resnet50"}};
INSTANTIATE_TEST_SUITE_P(Models, FinalParameters,
                         ::testing::Combine(::testing::ValuesIn(kModels),
                                            ::testing::Values(DType::kFloat32, DType::kBFloat16)),
                         test_name);

}  // namespace
}  // namespace drift
