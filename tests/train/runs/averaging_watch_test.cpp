// When it warns, and when it does not.
#include "train/runs/averaging_watch.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace drift {
namespace {

// One character a step: a digit, its loss; behind it 'p' where parameters are averaged, 'g' where gradients are.
std::vector<std::string> warnings_of(const std::string& steps) {
  std::vector<std::string> warnings;
  {
    AveragingWatch watch([&](const std::string& text) { warnings.push_back(text); });
    Step step = 0;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      StepRecord record{.step = step++, .period = 3, .loss = static_cast<double>(steps[i] - '0')};
      if (i + 1 < steps.size() && (steps[i + 1] == 'p' || steps[i + 1] == 'g')) {
        record.sync = steps[++i] == 'p' ? Sync::kParameters : Sync::kGradients;
      }
      watch.step(record);
    }
  }
  return warnings;
}

TEST(AveragingWatch, SaysOnceThatAnAverageRaisedTheLoss) {
  const std::vector<std::string> warnings = warnings_of("222p444p999p999p");
  ASSERT_EQ(warnings.size(), 2u);
  EXPECT_EQ(warnings[0],
            "the average of parameters after step 2 raised the loss from 2 to 4: workers go too far apart in 3 steps. "
            "Lower --period or --lr");
  EXPECT_EQ(warnings[1], "averaging parameters raised the loss so far 2 times");
}

TEST(AveragingWatch, ComparesMeansOverSteps) {
  EXPECT_TRUE(warnings_of("222p622p").size() == 1) << "10/3 against 2";
  EXPECT_TRUE(warnings_of("222p422p").empty()) << "8/3 against 2";
  EXPECT_TRUE(warnings_of("111119999999999p99999p").empty()) << "the last five before";
}

TEST(AveragingWatch, SaysNothingOfAveragesOfGradients) {
  EXPECT_TRUE(warnings_of("1g9g1g9g").empty());
  EXPECT_TRUE(warnings_of("1g1g999p").empty());
  EXPECT_TRUE(warnings_of("111p1g9g999p").empty()) << "what was before is forgotten";
}

TEST(AveragingWatch, SeesRoundsOfOneStep) {
  EXPECT_EQ(warnings_of("1p1p2p2p1p").size(), 1u);
}

}  // namespace
}  // namespace drift
