#include "train/schedule/profiled_steps.h"

#include <gtest/gtest.h>

namespace drift {
namespace {

std::string profiled(const SyncPlan& plan, Step steps, std::int64_t every) {
  std::string text;
  for (Step step = 0; step < steps; ++step) text += is_profiled(plan, step, every) ? 'x' : '.';
  return text;
}

TEST(ProfiledSteps, AreWholeRoundsAndSynchronousStepsAlike) {
  // sync                      g g g g g | . p | . p | . p | . . p | .
  const SyncPlan plan(5, {{.first = 5, .period = 2, .count = 3}, {.first = 11, .period = 3, .count = 1}});
  EXPECT_EQ(profiled(plan, 16, 1), std::string(16, 'x'));
  EXPECT_EQ(profiled(plan, 16, 2), "x.x.xxx..xx...xx") << "what is behind the last round is one more";
  EXPECT_EQ(profiled(plan, 16, 3), "x..x.xx....xxx..");
}

TEST(ProfiledSteps, OfAPlanWithoutRoundsAreEveryNth) {
  EXPECT_EQ(profiled(SyncPlan(9, {}), 9, 4), "x...x...x");
}

}  // namespace
}  // namespace drift
