// Reports of workers that run ahead of each other become records in order.
#include "train/step_collector.h"

#include <gtest/gtest.h>

#include "tests/train/toy_run.h"

namespace drift {
namespace {

TEST(StepCollector, RecordsComeInOrderWhenTheLastWorkerHasReported) {
  TrainConfig config = testing::toy_config(2, 2, 8);
  config.sync.algorithm = Algorithm::kPostLocal;
  config.sync.switch_step = 2;
  config.length.steps_per_epoch = 4;
  const Schedule schedule = make_schedule(config, 4);
  testing::StepLog log;
  StepCollector collector(schedule, {.workers = 2}, 8, /*first=*/2, log);
  const auto report = [&](int worker, Step step, double loss) {
    collector.add(
        {.step = step,
         .worker = worker,
         .result = {.loss = loss, .correct = 4},
         .times = {.data_seconds = 1, .forward_seconds = 2, .backward_seconds = 4, .update_seconds = worker * 16.0},
         .bytes = 10});
  };
  report(1, 2, 3.0);
  report(1, 3, 1.0);
  report(1, 4, 1.0);
  EXPECT_TRUE(log.steps.empty());
  report(0, 2, 1.0);
  ASSERT_EQ(log.steps.size(), 1u);
  report(0, 3, 2.0);
  report(0, 4, 1.0);
  ASSERT_EQ(log.steps.size(), 3u);

  const StepRecord& first = log.steps[0];
  EXPECT_EQ(first.step, 2);
  EXPECT_EQ(first.loss, 2.0);
  EXPECT_EQ(first.top1, 0.5);
  EXPECT_EQ(first.samples, 3 * 16);
  EXPECT_EQ(first.epoch, 0.75);
  EXPECT_EQ(first.round, 0);
  EXPECT_EQ(first.period, 2);
  EXPECT_EQ(first.bytes, 20);
  EXPECT_EQ(first.times.data_seconds, 1);
  EXPECT_EQ(first.times.forward_seconds, 2);
  EXPECT_EQ(first.times.backward_seconds, 4);
  EXPECT_EQ(first.times.update_seconds, 8);
  EXPECT_EQ(first.times.compute_seconds(), 15);
  EXPECT_EQ(first.sync, Sync::kNone);
  EXPECT_EQ(log.steps[1].sync, Sync::kParameters);
  EXPECT_EQ(log.steps[1].loss, 1.5);
  EXPECT_EQ(log.steps[2].round, 1);
}

}  // namespace
}  // namespace drift
