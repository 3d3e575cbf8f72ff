// Progress lines: their rhythm, what they say, and that nothing but a terminal sees control characters.
#include "train/runs/progress.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <sstream>

namespace drift {
namespace {

class HandClock final : public Clock {
 public:
  double seconds() const override { return now; }
  double now = 100;
};

StepRecord record_of(Step step, double loss = 1) {
  StepRecord record;
  record.step = step;
  record.epoch = static_cast<double>(step + 1) / 10;
  record.loss = loss;
  record.lr = 0.32;
  record.seconds = 0.5;
  record.sync = Sync::kGradients;
  return record;
}

std::int64_t lines_in(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n');
}

TEST(Progress, PlainLinesSayWhatMatters) {
  HandClock clock;
  std::ostringstream out;
  Progress progress({.total_steps = 10, .global_batch = 64}, out, clock);
  clock.now += 2;
  progress.step(record_of(0, 2.5));
  EXPECT_EQ(out.str(), "epoch 0.10  step 1/10  loss 2.5000  lr 0.32  128 img/s  synchronous  18 s left\n");
}

TEST(Progress, LocalStepsShowRoundsAndAverages) {
  HandClock clock;
  std::ostringstream out;
  Progress progress({.total_steps = 10}, out, clock);
  StepRecord record = record_of(0);
  record.sync = Sync::kNone;
  record.period = 600;
  record.round = 2;
  progress.step(record);
  EXPECT_NE(out.str().find("local, H 600, 2 averages"), std::string::npos) << out.str();
  record.step = 1;
  record.sync = Sync::kParameters;
  progress.step(record);
  EXPECT_NE(out.str().find("local, H 600, 3 averages"), std::string::npos) << out.str();
}

TEST(Progress, PlainLinesStayFewForAnyLengthAndEndWithTheLastStep) {
  for (const Step total : {1, 7, 50, 51, 999, 5000, 12345}) {
    HandClock clock;
    std::ostringstream out;
    Progress progress({.total_steps = total}, out, clock);
    for (Step step = 0; step < total; ++step) progress.step(record_of(step));
    EXPECT_GE(lines_in(out.str()), std::min<Step>(total, 20)) << total;
    EXPECT_LE(lines_in(out.str()), 52) << total;
    EXPECT_NE(out.str().find("step " + std::to_string(total) + "/"), std::string::npos) << total;
    EXPECT_EQ(out.str().find('\033'), std::string::npos);
    EXPECT_EQ(out.str().find('\r'), std::string::npos);
  }
}

TEST(Progress, LossAndSpeedAreMeansOverTheLatestSteps) {
  HandClock clock;
  std::ostringstream out;
  Progress progress({.total_steps = 2, .global_batch = 10}, out, clock);
  progress.step(record_of(0, 3));
  StepRecord slow = record_of(1, 1);
  slow.seconds = 1.5;
  progress.step(slow);
  EXPECT_NE(out.str().find("loss 2.0000  lr 0.32  10 img/s"), std::string::npos) << out.str();
}

TEST(Progress, TheTimeLeftCountsFromWhereThisSessionBegan) {
  HandClock clock;
  std::ostringstream out;
  Progress progress({.first_step = 50, .total_steps = 100}, out, clock);
  clock.now += 10;
  progress.step(record_of(50));
  EXPECT_NE(out.str().find("8 min 10 s left"), std::string::npos) << out.str();  // 10 s a step, 49 to go
}

TEST(Progress, ATerminalLineIsRewrittenButNotAtEveryStep) {
  HandClock clock;
  std::ostringstream out;
  {
    Progress progress({.total_steps = 1000, .terminal = true}, out, clock);
    for (Step step = 0; step < 100; ++step) {
      progress.step(record_of(step));
      clock.now += 0.03;  // 3 s in all, redrawn every 0.1 s
    }
    const std::string text = out.str();
    const auto redraws = std::count(text.begin(), text.end(), '\r');
    EXPECT_GE(redraws, 20);
    EXPECT_LE(redraws, 30);
    EXPECT_EQ(lines_in(text), 0);
    EvalRecord evaluation;
    evaluation.top1 = 0.8312;
    evaluation.correct = 8312;
    evaluation.total = 10000;
    progress.evaluation(evaluation);
    EXPECT_EQ(lines_in(out.str()), 1);
    EXPECT_NE(out.str().find("\r\033[Kepoch 0.00  step 0  test top1 0.8312 (8312/10000)"), std::string::npos);
  }
  EXPECT_TRUE(out.str().ends_with("\n"));  // nothing is left half drawn
}

TEST(Progress, AnEvaluationNamesBothSetsWhereImagesAreHeldOut) {
  HandClock clock;
  std::ostringstream out;
  Progress progress({.total_steps = 10}, out, clock);
  EvalRecord record{.step = 5, .epoch = 0.5, .loss = 1.25, .top1 = 0.5, .correct = 10, .total = 20, .seconds = 2};
  progress.evaluation(record);
  record.validation = {.loss = 1.5, .top1 = 0.25, .correct = 1, .total = 4};
  progress.evaluation(record);
  EXPECT_EQ(out.str(),
            "epoch 0.50  step 5  test top1 0.5000 (10/20)  test loss 1.2500  (2.0 s)\n"
            "epoch 0.50  step 5  test top1 0.5000 (10/20)  test loss 1.2500  val top1 0.2500 (1/4)  val loss 1.5000  "
            "(2.0 s)\n");
}

TEST(Progress, ColourOnlyWhereAskedFor) {
  for (const bool color : {false, true}) {
    HandClock clock;
    std::ostringstream out;
    Progress progress({.total_steps = 1, .color = color}, out, clock);
    progress.evaluation({});
    EXPECT_EQ(out.str().find("\033[1m") != std::string::npos, color);
  }
}

TEST(Progress, MessagesStandOnTheirOwnLine) {
  HandClock clock;
  std::ostringstream out;
  Progress progress({.total_steps = 1000, .terminal = true}, out, clock);
  progress.step(record_of(0));
  progress.message("checkpoint runs/x/ckpt/step-1");
  EXPECT_TRUE(out.str().ends_with("\r\033[Kcheckpoint runs/x/ckpt/step-1\n")) << out.str();
}

TEST(Progress, DurationsReadWell) {
  EXPECT_EQ(duration_text(0.4), "0 s");
  EXPECT_EQ(duration_text(59.4), "59 s");
  EXPECT_EQ(duration_text(125), "2 min 05 s");
  EXPECT_EQ(duration_text(3600 * 3 + 7 * 60 + 59), "3 h 07 min");
}

}  // namespace
}  // namespace drift
