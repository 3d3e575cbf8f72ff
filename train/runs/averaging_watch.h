// AveragingWatch: says when averaging parameters made the loss much worse, which it does where workers have gone apart
// further than the mean of their parameters can stand for. What it compares are means over steps: of those before the
// average, and of the first ones behind it.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "train/runs/records.h"

namespace drift {

class AveragingWatch final : public MetricsSink {
 public:
  // warn: what to say, once for a run, and at the end how often it was so.
  explicit AveragingWatch(std::function<void(const std::string&)> warn) : warn_(std::move(warn)) {}
  ~AveragingWatch() override;

  void step(const StepRecord& record) override;
  void evaluation(const EvalRecord&) override {}

  // Of the loss before, from which on it is much worse.
  static constexpr double kMuchWorse = 1.5;
  static constexpr std::size_t kSteps = 5;  // that are compared, or all of a round that is shorter

 private:
  void compare(Step step, Step period);

  std::function<void(const std::string&)> warn_;
  std::vector<double> before_, after_;  // losses of the steps in front of the latest average, and behind it
  Step period_ = 0;
  std::int64_t times_ = 0;
};

}  // namespace drift
