// Phases and changes of the learning rate, of small runs by hand.
#include "train/schedule/outline.h"

#include <gtest/gtest.h>

namespace drift {
namespace {

TrainConfig run_of(Algorithm algorithm, Step steps) {
  TrainConfig config;
  config.length.steps = steps;
  config.sync.algorithm = algorithm;
  config.lr.lr = 1;
  return config;
}

// Steps and rates, without what happens there.
std::vector<std::pair<Step, double>> numbers(const std::vector<RateAt>& rates) {
  std::vector<std::pair<Step, double>> numbers;
  for (const RateAt& at : rates) numbers.emplace_back(at.step, at.rate);
  return numbers;
}
using Numbers = std::vector<std::pair<Step, double>>;

TEST(Outline, PhasesAreThoseThatHaveSteps) {
  TrainConfig config = run_of(Algorithm::kPostLocal, 11);
  config.sync.periods = {4};
  const auto phases = [&](Step switch_step) {
    config.sync.switch_step = switch_step;
    return phases_of(make_schedule(config, 10));
  };
  const Phase all_gradients{Sync::kGradients, 0, 11, 11};
  EXPECT_EQ(phases(3), (std::vector<Phase>{{Sync::kGradients, 0, 3, 3}, {Sync::kParameters, 3, 11, 2}}));
  EXPECT_EQ(phases(0), (std::vector<Phase>{{Sync::kParameters, 0, 11, 3}}));
  EXPECT_EQ(phases(11), std::vector<Phase>{all_gradients});
  EXPECT_EQ(phases(99), std::vector<Phase>{all_gradients});
  EXPECT_EQ(phases_of(make_schedule(run_of(Algorithm::kSgd, 11), 10)), std::vector<Phase>{all_gradients});
}

TEST(Outline, RatesAreBothEndsOfTheWarmUpAndEachDecay) {
  TrainConfig config = run_of(Algorithm::kSgd, 40);
  EXPECT_EQ(numbers(rates_of(make_schedule(config, 10))), (Numbers{{0, 1}}));
  config.lr.warmup_epochs = 1;
  config.lr.warmup_start = 0.5;
  EXPECT_EQ(numbers(rates_of(make_schedule(config, 10))), (Numbers{{0, 0.5}, {10, 1}}));
  config.lr.shape = LrShape::kSteps;
  config.lr.decay_epochs = {2, 3.5, 9};  // the last one behind the end
  config.lr.gamma = 0.5;
  EXPECT_EQ(numbers(rates_of(make_schedule(config, 10))), (Numbers{{0, 0.5}, {10, 1}, {20, 0.5}, {35, 0.25}}));
}

TEST(Outline, ACosineHasQuartersAndAnEnd) {
  TrainConfig config = run_of(Algorithm::kSgd, 50);
  config.lr.shape = LrShape::kCosine;
  config.lr.warmup_epochs = 1;
  const std::vector<RateAt> rates = rates_of(make_schedule(config, 10));
  ASSERT_EQ(rates.size(), 6u);
  EXPECT_EQ(rates[1].step, 10);
  EXPECT_EQ(rates[2].step, 20);
  EXPECT_NEAR(rates[2].rate, 0.853553, 1e-6);  // (1 + cos 45 deg) / 2
  EXPECT_EQ(rates[3].step, 30);
  EXPECT_NEAR(rates[3].rate, 0.5, 1e-12);
  EXPECT_EQ(rates[4].step, 40);
  EXPECT_NEAR(rates[4].rate, 0.146447, 1e-6);
  EXPECT_EQ(rates[5].step, 49);
  EXPECT_NEAR(rates[5].rate, 0.001541, 1e-6);  // (1 + cos 175.5 deg) / 2: 39 of 40 steps
}

TEST(Outline, AWarmUpAsLongAsTheRunEndsBelowThePeak) {
  TrainConfig config = run_of(Algorithm::kSgd, 10);
  config.lr.warmup_epochs = 1;
  EXPECT_EQ(numbers(rates_of(make_schedule(config, 10))), (Numbers{{0, 0}, {9, 0.9}}));
}

}  // namespace
}  // namespace drift
