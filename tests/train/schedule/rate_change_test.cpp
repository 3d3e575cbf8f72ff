// How the learning rate changes from one round to the next, which is what SlowMo's momentum follows.
#include <gtest/gtest.h>

#include "tests/train/schedule/sync_string.h"
#include "train/schedule/schedule.h"

namespace drift::testing {
namespace {

TEST(Schedule, TheRateChangesFromOneRoundToTheNext) {
  TrainConfig config;
  config.length.steps = 12;
  config.sync.algorithm = Algorithm::kPostLocal;
  config.sync.periods = {3};
  config.sync.switch_step = 2;
  config.lr.lr = 0.5;
  config.lr.shape = LrShape::kSteps;
  config.lr.decay_epochs = {0.5};
  config.lr.gamma = 0.25;
  const Schedule schedule = make_schedule(config, 10);
  EXPECT_EQ(sync_string(schedule.plan, 0, 12), "gg..p..p..pp");
  const double expected[] = {1, 1, 1, 1, 1, 0.25, 0.25, 0.25, 1, 1, 1, 1};
  for (Step step = 0; step < 12; ++step) EXPECT_EQ(schedule.rate_change(step), expected[step]) << step;
  config.lr.shape = LrShape::kConstant;
  config.lr.decay_epochs = {};
  config.sync.algorithm = Algorithm::kLocal;
  config.sync.switch_step.reset();
  config.lr.warmup_epochs = 0.4;
  EXPECT_EQ(make_schedule(config, 10).rate_change(3), 0);  // a round that stood still
}

}  // namespace
}  // namespace drift::testing
