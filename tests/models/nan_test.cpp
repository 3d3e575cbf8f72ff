// A network that has gone wrong says so: one NaN among its first weights, and the loss is NaN, no sample counts as a
// hit, in training and in evaluation.
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <limits>
#include <tuple>

#include "models/registry.h"
#include "tests/engine/environment.h"

namespace drift {
namespace {

using testing::Environment;

class BrokenModel : public ::testing::TestWithParam<std::tuple<ModelOptions, DType>> {};

TEST_P(BrokenModel, HasANanLossAndNoHits) {
  const auto& [options, precision] = GetParam();
  if (precision == DType::kBFloat16 && !cpu_features().bf16) GTEST_SKIP() << "this CPU has no bf16 arithmetic";
  Environment environment;
  const std::unique_ptr<Model> model = make_model(options);
  model->parameters.allocate(environment.backend());
  model->parameters.initialise(environment.backend(), 1);
  const Parameter* const first = model->parameters.parameters().front();
  ASSERT_EQ(first->role(), ParameterRole::kConvWeight);
  std::vector<float> weights = environment.read(first->value());
  weights[weights.size() / 2] = std::numeric_limits<float>::quiet_NaN();
  environment.backend().upload(weights.data(), first->value());

  constexpr std::int64_t kBatch = 4;
  const Tensor images = environment.normal({kBatch, 32, 32, 3}, 0, precision);
  const Tensor labels = environment.cyclic_labels(kBatch, options.classes);
  for (const TapeOptions mode : {kInference, kTraining}) {
    Tape tape(environment.backend(), environment.pool(), precision, mode);
    const Tensor result = softmax_cross_entropy(tape, model->network->forward(tape, images), labels.view());
    const std::vector<float> loss_and_hits = environment.read(result);
    EXPECT_TRUE(std::isnan(loss_and_hits[0])) << loss_and_hits[0];
    EXPECT_EQ(loss_and_hits[1], 0);
    EXPECT_EQ(loss_and_hits[2], 0);
    if (mode.records) tape.backward();
  }
  EXPECT_TRUE(std::ranges::all_of(environment.read(first->gradient()), [](float g) { return std::isnan(g); }));
}

std::string test_name(const ::testing::TestParamInfo<BrokenModel::ParamType>& tested) {
  const auto& [options, precision] = tested.param;
  std::string name = fmt::format("{}_{}_{}_{}", options.name, options.norm, options.classes, name_of(precision));
  std::ranges::replace(name, '-', '_');
  return name;
}

// With 3 classes every label is among the best five.
const ModelOptions kModels[] = {{.name = "cifar-resnet8"},
                                {.name = "cifar-resnet8", .classes = 3},
                                {.name = "cifar-resnet8", .norm = "group"},
                                {.name = "vgg16"}};
INSTANTIATE_TEST_SUITE_P(Models, BrokenModel,
                         ::testing::Combine(::testing::ValuesIn(kModels),
                                            ::testing::Values(DType::kFloat32, DType::kBFloat16)),
                         test_name);

}  // namespace
}  // namespace drift
