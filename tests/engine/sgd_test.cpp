// SGD over the arenas: which range decays, what is kept. Numbers are dyadic, so they are exact.
#include "engine/optim/sgd.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <utility>

#include "tests/engine/environment.h"
#include "tests/support/learning_rate.h"

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
  sgd.update(environment_.backend(), set_, testing::LearningRate(environment_.backend(), 0.5f).view());
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
  sgd.update(environment_.backend(), set_, testing::LearningRate(environment_.backend(), 0.5f).view());
  expect_all(weight_.value(), 1.5f);
  expect_all(shift_.value(), 1.5f);
}

TEST_F(SgdTest, Nesterov) {
  const Sgd sgd{.momentum = 0.5f, .nesterov = true};
  sgd.update(environment_.backend(), set_, testing::LearningRate(environment_.backend(), 0.5f).view());
  // v = 2.5, w = 2 - 0.5 * (0.5 + 0.5 * 2.5)
  expect_all(shift_.momentum(), 2.5f);
  expect_all(shift_.value(), 1.125f);
}

// The norm of 9 times 1.5 and 5 times -2 is 6.3443; all of the gradient is scaled by the same number, the decay is not.
TEST_F(SgdTest, ClippingIsByTheNormOfAllAndBeforeTheDecay) {
  set(weight_, 2, 1.5f, 0);
  set(shift_, 2, -2, 0);
  const testing::LearningRate scale(environment_.backend(), 0);  // as good a place as any
  const auto updated = [&](double norm) {
    environment_.backend().fill(weight_.value(), 2);
    environment_.backend().fill(shift_.value(), 2);
    const Sgd sgd{.weight_decay = 0.25f, .clip_grad_norm = norm};
    sgd.update(environment_.backend(), set_, testing::LearningRate(environment_.backend(), 0.5f).view(), scale.view());
    return std::pair{environment_.read(weight_.value())[8], environment_.read(shift_.value())[4]};
  };
  const double clipped = 2 / (std::sqrt(9 * 1.5 * 1.5 + 5 * 2 * 2) + 1e-6);
  const auto [weight, shift] = updated(2);
  EXPECT_NEAR(weight, 2 - 0.5 * (clipped * 1.5 + 0.25 * 2), 1e-6);
  EXPECT_NEAR(shift, 2 + 0.5 * clipped * 2, 1e-6);
  const auto unclipped = std::pair{2 - 0.5f * (1.5f + 0.25f * 2), 3.0f};
  EXPECT_EQ(updated(6.35), unclipped);
  EXPECT_EQ(updated(0), unclipped);
  expect_all(weight_.gradient(), 1.5f);
}

TEST_F(SgdTest, AGradientWhoseNormIsNotFiniteIsNotClippedToNothing) {
  const testing::LearningRate scale(environment_.backend(), 0);
  const Sgd sgd{.clip_grad_norm = 1};
  for (const float wrong : {1e25f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    set(weight_, 2, 0.5f, 0);
    set(shift_, 2, wrong, 0);
    sgd.update(environment_.backend(), set_, testing::LearningRate(environment_.backend(), 0.5f).view(), scale.view());
    for (const float value : environment_.read(weight_.value())) EXPECT_TRUE(std::isnan(value)) << wrong;
  }
}

TEST_F(SgdTest, PaddingStaysZero) {
  const Sgd sgd{.momentum = 0.5f, .weight_decay = 0.25f};
  sgd.update(environment_.backend(), set_, testing::LearningRate(environment_.backend(), 0.5f).view());
  for (const std::size_t padding : {9, 10, 11}) {
    EXPECT_EQ(set_.values()[padding], 0);
    EXPECT_EQ(set_.momentum()[padding], 0);
  }
}

}  // namespace
}  // namespace drift
