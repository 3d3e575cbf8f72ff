// The arenas: their order, their padding, their start values.
#include "engine/parameter_set.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <gtest/gtest.h>
#include <numeric>

#include "tests/engine/environment.h"

namespace drift {
namespace {

using testing::Environment;
using testing::expect_error;

constexpr Init kUnitNormal{Init::Kind::kNormal, 1.0f};

// Declared in a layer's order, with sizes that do not fill packets.
struct SmallSet {
  explicit SmallSet(Environment& environment, bool with_training_state = true) {
    set.allocate(environment.backend(), with_training_state);
  }
  ParameterSet set;
  Parameter& conv = set.add_parameter("conv1.weight", {3, 1, 1, 3}, ParameterRole::kConvWeight, kUnitNormal);
  Parameter& gamma = set.add_parameter("bn1.weight", {3}, ParameterRole::kNormScale, {.value = 1});
  Parameter& beta = set.add_parameter("bn1.bias", {3}, ParameterRole::kNormShift, {});
  Buffer& mean = set.add_buffer("bn1.running_mean", {3}, 0);
  Buffer& var = set.add_buffer("bn1.running_var", {3}, 1);
  Parameter& linear = set.add_parameter("linear.weight", {2, 3}, ParameterRole::kLinearWeight, kUnitNormal);
  Parameter& bias = set.add_parameter("linear.bias", {2}, ParameterRole::kLinearBias, {});
};

TEST(ParameterSet, WeightsComeFirstAndEveryParameterStartsOnAPacket) {
  Environment environment;
  const SmallSet small(environment);
  EXPECT_EQ(small.conv.offset(), 0);
  EXPECT_EQ(small.linear.offset(), 16);
  EXPECT_EQ(small.set.decayed_count(), 24);
  EXPECT_EQ(small.gamma.offset(), 24);
  EXPECT_EQ(small.beta.offset(), 32);
  EXPECT_EQ(small.bias.offset(), 40);
  EXPECT_EQ(small.set.values().size(), 42u);
  EXPECT_EQ(small.set.gradients().size(), 42u);
  EXPECT_EQ(small.set.momentum().size(), 42u);
  EXPECT_EQ(small.mean.offset(), 0);
  EXPECT_EQ(small.var.offset(), 8);
  EXPECT_EQ(small.set.buffers().size(), 11u);
  EXPECT_EQ(small.set.parameter_count(), 9 + 3 + 3 + 6 + 2);
}

TEST(ParameterSet, ViewsLieInTheArenas) {
  Environment environment;
  const SmallSet small(environment);
  for (const Parameter* parameter : small.set.parameters()) {
    EXPECT_EQ(parameter->value().data, small.set.values().data() + parameter->offset()) << parameter->name();
    EXPECT_EQ(parameter->gradient().data, small.set.gradients().data() + parameter->offset()) << parameter->name();
    EXPECT_EQ(parameter->momentum().data, small.set.momentum().data() + parameter->offset()) << parameter->name();
    EXPECT_EQ(parameter->value().shape, parameter->shape()) << parameter->name();
  }
  EXPECT_EQ(small.var.value().data, small.set.buffers().data() + small.var.offset());
}

// What moves between devices is found at the same place on all of them.
TEST(ParameterSet, ArenasLieBehindEachOtherInMemoryOfTheGivenSource) {
  struct Source final : MemorySource {
    void* allocate(std::size_t bytes) override {
      ++pieces;
      return first = std::aligned_alloc(64, bytes);
    }
    void release(void* data) noexcept override {
      --pieces;
      std::free(data);
    }
    void* first = nullptr;
    int pieces = 0;
  };
  Environment environment;
  const auto source = std::make_shared<Source>();
  {
    ParameterSet set;
    set.add_parameter("w", {29, 8}, ParameterRole::kLinearWeight, kUnitNormal);
    set.add_buffer("running_mean", {8}, 0);
    set.allocate(environment.backend(), /*with_training_state=*/true, source);
    EXPECT_EQ(source->pieces, 1);
    const float* const values = set.values().data();
    EXPECT_EQ(values, source->first);
    EXPECT_EQ(set.buffers().data() - values, 256);  // 232 values; arenas begin at multiples of 64
    EXPECT_EQ(set.gradients().data() - values, 256 + 64);
    EXPECT_EQ(set.momentum().data() - values, 256 + 64 + 256);
  }
  EXPECT_EQ(source->pieces, 0);
}

TEST(ParameterSet, ListsKeepTheOrderOfDeclaration) {
  Environment environment;
  const SmallSet small(environment);
  std::vector<std::string> names;
  for (const Parameter* parameter : small.set.parameters()) names.push_back(parameter->name());
  EXPECT_EQ(names,
            (std::vector<std::string>{"conv1.weight", "bn1.weight", "bn1.bias", "linear.weight", "linear.bias"}));
  EXPECT_EQ(small.set.find_parameter("linear.weight"), &small.linear);
  EXPECT_EQ(small.set.find_parameter("bn1.running_var"), nullptr);
  EXPECT_EQ(small.set.find_buffer("bn1.running_var"), &small.var);
  EXPECT_EQ(small.set.find_buffer("linear.weight"), nullptr);
}

TEST(ParameterSet, ArenasStartAtZero) {
  Environment environment;
  const SmallSet small(environment);
  for (const std::span<float> arena :
       {small.set.values(), small.set.gradients(), small.set.momentum(), small.set.buffers()}) {
    EXPECT_TRUE(std::ranges::all_of(arena, [](float value) { return value == 0; }));
  }
}

TEST(ParameterSet, InitialiseIsAFunctionOfSeedAndDeclarationOrder) {
  Environment environment;
  SmallSet a(environment);
  SmallSet b(environment);
  SmallSet c(environment);
  a.set.initialise(environment.backend(), 7);
  b.set.initialise(environment.backend(), 7);
  c.set.initialise(environment.backend(), 8);
  EXPECT_TRUE(std::ranges::equal(a.set.values(), b.set.values()));
  EXPECT_FALSE(std::ranges::equal(a.set.values(), c.set.values()));

  const std::vector<float> linear = environment.read(a.linear.value());
  const Rng rng(7, stream_id(Purpose::kInit, 0, 3));  // the fourth declared
  for (std::size_t i = 0; i < linear.size(); ++i) EXPECT_EQ(linear[i], rng.normal(i)) << i;
  EXPECT_EQ(environment.read(a.gamma.value()), (std::vector<float>{1, 1, 1}));
  EXPECT_EQ(environment.read(a.bias.value()), (std::vector<float>{0, 0}));
  EXPECT_EQ(environment.read(a.mean.value()), (std::vector<float>{0, 0, 0}));
  EXPECT_EQ(environment.read(a.var.value()), (std::vector<float>{1, 1, 1}));
  for (const std::size_t padding : {9, 15, 22, 23, 27, 31, 35, 39}) EXPECT_EQ(a.set.values()[padding], 0) << padding;
}

TEST(ParameterSet, NormalInitHasTheGivenDeviation) {
  Environment environment;
  ParameterSet set;
  const Parameter& weight =
      set.add_parameter("w", {100, 100}, ParameterRole::kLinearWeight, {Init::Kind::kNormal, 0.25f});
  set.allocate(environment.backend());
  set.initialise(environment.backend(), 1);
  const std::vector<float> values = environment.read(weight.value());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / 1e4;
  const double square = std::inner_product(values.begin(), values.end(), values.begin(), 0.0) / 1e4;
  EXPECT_NEAR(mean, 0, 5 * 0.25 / 100);  // five standard errors
  EXPECT_NEAR(std::sqrt(square), 0.25, 5 * 0.25 / std::sqrt(2e4));
}

TEST(ParameterSet, EvaluationSetsHaveNoTrainingState) {
  Environment environment;
  const SmallSet small(environment, false);
  EXPECT_EQ(small.set.values().size(), 42u);
  expect_error(ErrorKind::kInternal, {"gradient arena"}, [&] { small.set.gradients(); });
  expect_error(ErrorKind::kInternal, {"momentum arena"}, [&] { small.conv.momentum(); });
}

TEST(ParameterSet, RefusesDoubleNamesAndLateDeclarations) {
  Environment environment;
  ParameterSet set;
  set.add_parameter("w", {2}, ParameterRole::kLinearBias, {});
  expect_error(ErrorKind::kInternal, {"'w'", "twice"},
               [&] { set.add_parameter("w", {3}, ParameterRole::kLinearBias, {}); });
  expect_error(ErrorKind::kInternal, {"value arena"}, [&] { ParameterSet{}.initialise(environment.backend(), 1); });
  set.allocate(environment.backend());
  expect_error(ErrorKind::kInternal, {"'v'", "after allocate"},
               [&] { set.add_parameter("v", {3}, ParameterRole::kLinearBias, {}); });
  expect_error(ErrorKind::kInternal, {"allocate() once"}, [&] { set.allocate(environment.backend()); });
}

}  // namespace
}  // namespace drift
