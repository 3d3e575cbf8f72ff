// SGD over the arenas: which range decays, what is kept. Numbers are dyadic, so they are exact.
#include "engine/optim/sgd.h"

#include <gtest/gtest.h>

#include "tests/engine/environment.h"

namespace drift {
namespace {

using testing::Environment;

class SgdTest : public ::testing::Test {
 protected:
  SgdTest() {
    set_.allocate(environment_.backend());
    set(weight_, 2, 0.5f, 4);
    set(shift_, 2, 0.5f, 4);
  }
  void set(const Parameter& parameter, float value, float gradient, float momentum) {
    environment_.backend().fill(parameter.value(), value);
    environment_.backend().fill(parameter.gradient(), gradient);
    environment_.backend().fill(parameter.momentum(), momentum);
  }
  // Every element has this value.
  void expect_all(const TensorView& view, float value) {
    EXPECT_EQ(environment_.read(view), std::vector<float>(static_cast<std::size_t>(view.elements()), value));
  }

  Environment environment_;
  ParameterSet set_;
  const Parameter& weight_ = set_.add_parameter("weight", {3, 3}, ParameterRole::kLinearWeight, {});
  const Parameter& shift_ = set_.add_parameter("shift", {5}, ParameterRole::kNormShift, {});
};

TEST_F(SgdTest, MomentumAndDecayOfWeightsAlone) {
  const Sgd sgd{.momentum = 0.5f, .weight_decay = 0.25f};
  sgd.update(environment_.backend(), set_, LearningRate(environment_.backend(), 0.5f).view());
  // v = 0.5 * 4 + (0.5 + 0.25 * 2) = 3, w = 2 - 0.5 * 3
  expect_all(weight_.momentum(), 3);
  expect_all(weight_.value(), 0.5f);
  // v = 0.5 * 4 + 0.5 = 2.5, w = 2 - 0.5 * 2.5
  expect_all(shift_.momentum(), 2.5f);
  expect_all(shift_.value(), 0.75f);
  expect_all(weight_.gradient(), 0.5f);
  expect_all(shift_.gradient(), 0.5f);
}

TEST_F(SgdTest, DecayOfEverything) {
  const Sgd sgd{.weight_decay = 0.25f, .decay_norm_and_bias = true};
  sgd.update(environment_.backend(), set_, LearningRate(environment_.backend(), 0.5f).view());
  expect_all(weight_.value(), 1.5f);
  expect_all(shift_.value(), 1.5f);
}

TEST_F(SgdTest, Nesterov) {
  const Sgd sgd{.momentum = 0.5f, .nesterov = true};
  sgd.update(environment_.backend(), set_, LearningRate(environment_.backend(), 0.5f).view());
  // v = 2.5, w = 2 - 0.5 * (0.5 + 0.5 * 2.5)
  expect_all(shift_.momentum(), 2.5f);
  expect_all(shift_.value(), 1.125f);
}

TEST_F(SgdTest, PaddingStaysZero) {
  const Sgd sgd{.momentum = 0.5f, .weight_decay = 0.25f};
  sgd.update(environment_.backend(), set_, LearningRate(environment_.backend(), 0.5f).view());
  for (const std::size_t padding : {9, 10, 11}) {
    EXPECT_EQ(set_.values()[padding], 0);
    EXPECT_EQ(set_.momentum()[padding], 0);
  }
}

}  // namespace
}  // namespace drift
