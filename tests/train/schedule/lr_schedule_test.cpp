// The learning rate of single steps; where decays land against rounds is schedule_test.cpp's.
#include "train/schedule/lr_schedule.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace drift::testing {
namespace {

LrConfig shaped(LrShape shape) {
  LrConfig config;
  config.shape = shape;
  return config;
}

TEST(LrSchedule, ConstantIsThePeakAtEveryStep) {
  const LrSchedule lr(shaped(LrShape::kConstant), 0.3, 0, 10, {});
  for (Step step = 0; step < 10; ++step) EXPECT_EQ(lr.at(step), 0.3);
}

TEST(LrSchedule, WarmupIsLinearPerStepFromItsStartToThePeak) {
  LrConfig config = shaped(LrShape::kConstant);
  config.warmup_start = 0.25;
  const LrSchedule lr(config, 1.25, 4, 10, {});
  const double expected[] = {0.25, 0.5, 0.75, 1.0, 1.25, 1.25};
  for (Step step = 0; step < 6; ++step) EXPECT_EQ(lr.at(step), expected[step]) << step;
}

TEST(LrSchedule, EachDecayAppliesFromItsStepOn) {
  LrConfig config = shaped(LrShape::kSteps);
  config.gamma = 0.5;
  const LrSchedule lr(config, 1, 2, 20, {5, 9, 9});
  EXPECT_EQ(lr.at(1), 0.5);  // warm-up from 0
  EXPECT_EQ(lr.at(4), 1);
  EXPECT_EQ(lr.at(5), 0.5);
  EXPECT_EQ(lr.at(8), 0.5);
  EXPECT_EQ(lr.at(9), 0.125);
  EXPECT_EQ(lr.at(19), 0.125);
}

TEST(LrSchedule, CosineFallsFromThePeakToTheMinimum) {
  LrConfig config = shaped(LrShape::kCosine);
  config.min_lr = 0.1;
  const LrSchedule lr(config, 0.9, 4, 16, {});
  EXPECT_EQ(lr.at(4), 0.9);
  EXPECT_DOUBLE_EQ(lr.at(8), 0.1 + 0.8 * 0.75);  // cos(pi/3) = 1/2
  EXPECT_DOUBLE_EQ(lr.at(10), 0.5);
  EXPECT_DOUBLE_EQ(lr.at(12), 0.1 + 0.8 * 0.25);
  EXPECT_EQ(lr.at(16), 0.1);
  EXPECT_EQ(LrSchedule(config, 0.9, 16, 16, {}).at(15), 0.9 * 15 / 16);  // nothing but warm-up
}

RC_GTEST_PROP(LrSchedule, RisesInTheWarmupAndNeverAfterIt, ()) {
  LrConfig config = shaped(*rc::gen::element(LrShape::kConstant, LrShape::kSteps, LrShape::kCosine));
  const double peak = *rc::gen::inRange(1, 5000) * 1e-3;
  config.warmup_start = peak * *rc::gen::inRange(0, 101) * 0.01;
  config.min_lr = peak * *rc::gen::inRange(0, 101) * 0.01;
  config.gamma = *rc::gen::inRange(1, 101) * 0.01;
  const Step warmup = *rc::gen::inRange<Step>(0, 50);
  const Step total = warmup + *rc::gen::inRange<Step>(0, 200);
  auto decays = *rc::gen::container<std::vector<Step>>(rc::gen::inRange<Step>(warmup, total + 2));
  std::sort(decays.begin(), decays.end());
  const LrSchedule lr(config, peak, warmup, total, decays);

  const double floor = config.shape == LrShape::kConstant ? peak
                       : config.shape == LrShape::kCosine
                           ? config.min_lr
                           : peak * std::pow(config.gamma, static_cast<double>(decays.size()));
  for (Step step = 0; step < total; ++step) {
    RC_ASSERT(std::isfinite(lr.at(step)));
    RC_ASSERT(lr.at(step) <= peak);
    RC_ASSERT(lr.at(step) >= (step < warmup ? config.warmup_start : floor));
    if (step + 1 < warmup) RC_ASSERT(lr.at(step + 1) >= lr.at(step));
    if (step >= warmup) RC_ASSERT(lr.at(step + 1) <= lr.at(step));
  }
}

// Asking in any order, from a copy, from any step on, gives the same bits: nothing is carried from step to step.
RC_GTEST_PROP(LrSchedule, IsAPureFunctionOfTheStep, ()) {
  LrConfig config = shaped(*rc::gen::element(LrShape::kSteps, LrShape::kCosine));
  config.gamma = 0.3;
  const LrSchedule lr(config, 0.7, 10, 100, {20, 50});
  std::vector<double> forward;
  for (Step step = 0; step < 100; ++step) forward.push_back(lr.at(step));
  const Step resumed_at = *rc::gen::inRange<Step>(0, 100);
  const LrSchedule again(config, 0.7, 10, 100, {20, 50});
  for (Step step = 99; step >= resumed_at; --step) {
    RC_ASSERT(again.at(step) == forward[static_cast<std::size_t>(step)]);
  }
}

}  // namespace
}  // namespace drift::testing
