#include "apps/checkpoint_pace.h"

#include <gtest/gtest.h>
#include <vector>

#include "tests/support/hand_clock.h"

namespace drift::testing {
namespace {

// The lengths of the stretches of a run whose steps take so many seconds, up to the first checkpoint that is due.
std::vector<Step> stretches(double minutes, double seconds_per_step) {
  HandClock clock;
  CheckpointPace pace(minutes, clock);
  std::vector<Step> lengths;
  while (!pace.is_due() && lengths.size() < 50) {
    lengths.push_back(pace.steps());
    clock.now += seconds_per_step * static_cast<double>(lengths.back());
    pace.ran(lengths.back());
  }
  return lengths;
}

TEST(CheckpointPace, LooksAtTheClockSeldomAndInTime) {
  EXPECT_EQ(stretches(1, 2), (std::vector<Step>{1, 2, 4, 8, 15})) << "30 steps fit";
  EXPECT_EQ(stretches(1, 90), (std::vector<Step>{1})) << "a step is longer than that";
  const std::vector<Step> fast = stretches(10, 1e-3);
  EXPECT_LT(fast.size(), 25u);
  Step steps = 0;
  for (const Step length : fast) steps += length;
  EXPECT_GE(steps, 599'990);
  EXPECT_LT(steps, 600'100);
}

TEST(CheckpointPace, CountsFromTheLastCheckpoint) {
  HandClock clock;
  CheckpointPace pace(1, clock);
  clock.now = 59;
  pace.written();
  clock.now = 118;
  EXPECT_FALSE(pace.is_due());
  clock.now = 119;
  EXPECT_TRUE(pace.is_due());
}

TEST(CheckpointPace, IsNeverDueWithoutALimit) {
  HandClock clock;
  CheckpointPace pace(0, clock);
  EXPECT_GT(pace.steps(), Step{1} << 50);
  clock.now = 1e18;
  EXPECT_FALSE(pace.is_due());
}

}  // namespace
}  // namespace drift::testing
