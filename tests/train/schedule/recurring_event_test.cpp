// Events every so many epochs fall on the same steps wherever a run is cut.
#include "train/schedule/recurring_event.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

namespace drift {
namespace {

TEST(RecurringEvent, FallsOnTheSameStepsWhereverARunIsCut) {
  const RecurringEvent every_other(0.5, 5, 12);  // 2.5 steps, rounded: 3 5 8 10, and the end
  std::vector<Step> steps;
  for (Step step = 0; step < 12;) steps.push_back(step = every_other.next(step));
  EXPECT_EQ(steps, (std::vector<Step>{3, 5, 8, 10, 12}));
  for (Step step = 0; step <= 12; ++step) {
    EXPECT_EQ(every_other.at(step), std::find(steps.begin(), steps.end(), step) != steps.end()) << step;
  }
  EXPECT_EQ(RecurringEvent(0, 5, 12).next(0), 12);
  EXPECT_EQ(RecurringEvent(0.01, 5, 12).next(3), 4);
  EXPECT_EQ(RecurringEvent(1000, 5, 12).next(3), 12);
  EXPECT_TRUE(RecurringEvent(1, 5, 12).at(12));
  for (const double never : {1e18, 1e300, std::numeric_limits<double>::max()}) {  // no step has such a number
    EXPECT_EQ(RecurringEvent(never, 5, 12).next(3), 12);
    EXPECT_FALSE(RecurringEvent(never, 5, 12).at(3));
  }
  EXPECT_EQ(RecurringEvent(1e-300, 5, 12).next(3), 4);
}

TEST(RecurringEvent, CountsThem) {
  for (const double every : {0.0, 0.01, 0.2, 0.21, 0.26, 0.5, 0.7, 1.0, 2.39, 2.4, 2.41, 7.0, 1e18}) {
    for (const Step total : {1, 2, 5, 12, 13}) {
      const RecurringEvent events(every, 5, total);
      std::int64_t count = 0;
      for (Step step = 0; step < total; step = events.next(step)) ++count;
      EXPECT_EQ(events.count(), count) << every << " epochs, " << total << " steps";
    }
  }
  EXPECT_EQ(RecurringEvent(0.3, 5, Step{1} << 40).count(), 733007751851);  // not one by one
}

}  // namespace
}  // namespace drift
