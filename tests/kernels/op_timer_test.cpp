// OpTimer on a clock that the test moves.
#include "kernels/observed/op_timer.h"

#include <gtest/gtest.h>

#include "tests/kernels/slow_fake.h"

namespace drift::testing {
namespace {

TEST(OpTimer, AddsUpTimeAndCostByName) {
  HandClock clock;
  SlowFake slow(clock);
  OpTimer timer(slow, clock);
  float memory[6] = {};
  const TensorView y{.data = memory, .shape = {6}};
  EXPECT_TRUE(timer.op_times().empty());
  timer.fill(y, 1);
  timer.fill(y, 1);
  timer.outer_update({memory, memory, memory});
  const auto times = timer.op_times();
  ASSERT_EQ(times.size(), 2u);
  const OpTime& fill = times.at("fill");
  EXPECT_EQ(fill.calls, 2);
  EXPECT_EQ(fill.timed, 2);
  EXPECT_DOUBLE_EQ(fill.milliseconds, 500);
  EXPECT_EQ(fill.cost.bytes, 2 * 24);
  EXPECT_DOUBLE_EQ(times.at("outer_update").milliseconds, 2000);
  EXPECT_EQ(times.at("outer_update").cost.bytes, 5 * 24);
}

}  // namespace
}  // namespace drift::testing
