// Reports of workers that run ahead of each other become records in order.
#include "train/step_collector.h"

#include <gtest/gtest.h>
#include <utility>

#include "tests/support/error_of.h"
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
  std::vector<StepReport> elsewhere;
  StepCollector collector(schedule, 2, 8, /*first=*/2, log, [&] { return std::exchange(elsewhere, {}); });
  const auto report = [&](int worker, Step step, double loss) {
    collector.add(
        {.step = step,
         .worker = worker,
         .result = {.loss = loss, .correct = 4},
         .times = {.upload_seconds = 1, .forward_seconds = 2, .backward_seconds = 4, .update_seconds = worker * 16.0},
         .bytes = 10,
         .elapsed_seconds = static_cast<double>(step) + worker});
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
  EXPECT_EQ(first.seconds, 3);  // the slower of 2 and 3
  EXPECT_EQ(log.steps[1].seconds, 1);
  EXPECT_EQ(first.times.upload_seconds, 1);
  EXPECT_EQ(first.times.forward_seconds, 2);
  EXPECT_EQ(first.times.backward_seconds, 4);
  EXPECT_EQ(first.times.update_seconds, 8);
  EXPECT_EQ(first.times.compute_seconds(), 15);
  EXPECT_EQ(first.sync, Sync::kNone);
  EXPECT_EQ(log.steps[1].sync, Sync::kParameters);
  EXPECT_EQ(log.steps[1].loss, 1.5);
  EXPECT_EQ(log.steps[2].round, 1);

  // Of another process.
  elsewhere = {{.step = 6, .worker = 1, .result = {.loss = 4}}, {.step = 5, .worker = 1, .result = {.loss = 3}}};
  report(0, 5, 1);
  ASSERT_EQ(log.steps.size(), 4u);
  EXPECT_EQ(log.steps[3].loss, 2);
  report(0, 6, 2);
  elsewhere = {{.step = 7, .worker = 1, .result = {.loss = 1}}, {.step = 7, .worker = 0, .result = {.loss = 5}}};
  collector.finish();
  ASSERT_EQ(log.steps.size(), 6u);
  EXPECT_EQ(log.steps[5].loss, 3);
}

TEST(StepCollector, RefusesWhatNoWorkerReports) {
  const Schedule schedule = make_schedule(testing::toy_config(2, 2, 8), 4);
  testing::StepLog log;
  StepCollector collector(schedule, 2, 8, /*first=*/2, log, [] { return std::vector<StepReport>(); });
  EXPECT_EQ(testing::error_of([&] { collector.add({.step = 1}); }).message(),
            "worker 0 reports step 1 where one of 2 to 7 is expected");
  EXPECT_EQ(testing::error_of([&] { collector.add({.step = 8}); }).kind(), ErrorKind::kComm);
  collector.add({.step = 2});
  EXPECT_EQ(testing::error_of([&] { collector.finish(); }).kind(), ErrorKind::kInternal);
}

TEST(StepReport, CrossesProcessesBitForBit) {
  const StepReport report{.step = 123456789012,
                          .worker = 31,
                          .result = {.loss = 0.1 + 0.2, .correct = 7, .correct_top5 = 9},
                          .times = {.upload_seconds = 2.5,
                                    .forward_seconds = 0.25,
                                    .backward_seconds = 1.0 / 7,
                                    .update_seconds = 4,
                                    .comm_seconds = 3e5,
                                    .data_seconds = 1e-7,
                                    .enqueue_seconds = 5,
                                    .comm_host_seconds = 6},
                          .bytes = 1LL << 40,
                          .elapsed_seconds = 1.0 / 3};
  const StepReport back = decode_report(encode(report));
  EXPECT_EQ(back.step, report.step);
  EXPECT_EQ(back.worker, report.worker);
  EXPECT_EQ(back.result.loss, report.result.loss);
  EXPECT_EQ(back.result.correct, report.result.correct);
  EXPECT_EQ(back.result.correct_top5, report.result.correct_top5);
  for (const auto time : StepTimes::kAll) EXPECT_EQ(back.times.*time, report.times.*time);
  EXPECT_EQ(back.bytes, report.bytes);
  EXPECT_EQ(back.elapsed_seconds, report.elapsed_seconds);
  const std::string line = encode(report);
  for (const std::string& wrong : {std::string(), line.substr(0, line.size() - 2), line + "1", "x" + line}) {
    EXPECT_EQ(testing::error_of([&] { decode_report(wrong); }).kind(), ErrorKind::kComm) << wrong;
  }
}

}  // namespace
}  // namespace drift
