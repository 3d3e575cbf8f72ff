// One sink for several.
#include "train/runs/metrics_tee.h"

#include <gtest/gtest.h>
#include <vector>

namespace drift {
namespace {

class CountingSink final : public MetricsSink {
 public:
  void step(const StepRecord& record) override { steps.push_back(record.step); }
  void evaluation(const EvalRecord& record) override { evaluations.push_back(record.step); }
  std::vector<Step> steps, evaluations;
};

TEST(MetricsTee, GivesEveryRecordToAllInOrder) {
  CountingSink a, b;
  MetricsTee tee({&a, &b});
  tee.step({.step = 0});
  tee.step({.step = 1});
  tee.evaluation({.step = 2});
  for (const CountingSink* sink : {&a, &b}) {
    EXPECT_EQ(sink->steps, (std::vector<Step>{0, 1}));
    EXPECT_EQ(sink->evaluations, (std::vector<Step>{2}));
  }
}

}  // namespace
}  // namespace drift
