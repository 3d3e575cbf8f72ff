// How runs end early: a request to stop, an error in one worker, a loss that is not finite, a checkpoint that does not
// fit.
#include <gtest/gtest.h>
#include <limits>

#include "core/check.h"
#include "tests/support/error_of.h"
#include "tests/train/hooked_dataset.h"
#include "tests/train/toy_run.h"

namespace drift {
namespace {

using testing::error_of;
using testing::HookedDataset;
using testing::StepLog;
using testing::toy_config;
using testing::toy_data;
using testing::ToyRun;

TEST(Stopping, AllWorkersFinishTheSameStepAlsoInsideARound) {
  const DataSource data = toy_data(64);
  for (const Step at : {0, 3, 5}) {
    const TrainConfig config = toy_config(4, 6, 16);
    std::atomic<bool> stop = false;
    Trainer stopped(config, data);
    StepLog log;
    log.on_step = [&](const StepRecord& record) { stop = stop || record.step == at; };
    const Step end = stopped.run(16, log, stop);
    EXPECT_GT(end, at);
    EXPECT_LE(end, at < 5 ? 6 : 12);  // nobody passes the end of the round while others are behind it
    EXPECT_EQ(stopped.step(), end);
    EXPECT_EQ(std::ssize(log.steps), end);

    Trainer reference(config, data);
    StepLog reference_log;
    testing::run_to(reference, end, reference_log);
    testing::expect_same_bits({log.steps, stopped.checkpoint().workers},
                              {reference_log.steps, reference.checkpoint().workers});
  }
}

TEST(Stopping, ARequestBeforeTheFirstStepRunsNone) {
  const DataSource data = toy_data(64);
  Trainer trainer(toy_config(4, 6, 16), data);
  StepLog log;
  const std::atomic<bool> stop = true;
  EXPECT_EQ(trainer.run(16, log, stop), 0);
  EXPECT_TRUE(log.steps.empty());
}

TEST(Failure, AnErrorInOneWorkerEndsAllWithThatError) {
  for (const bool synchronous : {false, true}) {
    for (const int loader_threads : {0, 2}) {
      DataSource data = toy_data(64);
      data.train = std::make_unique<HookedDataset>(std::move(data.train), [](std::int64_t index) {
        DRIFT_CHECK(kData, index != 3 * 16 + 9, "image {} cannot be read", index);  // step 3, worker 2
      });
      TrainConfig config = toy_config(4, 6, 16);
      if (synchronous) config = testing::synchronous(config);
      config.data.sampling = Sampling::kSequential;
      config.machine.loader_threads = loader_threads;
      Trainer trainer(config, data);
      StepLog log;
      const Error error = error_of([&] { testing::run_to(trainer, 16, log); });
      EXPECT_EQ(error.kind(), ErrorKind::kData);
      EXPECT_EQ(error.message(), "image 57 cannot be read");
      EXPECT_LE(log.steps.size(), 3u);
      EXPECT_EQ(error_of([&] { testing::run_to(trainer, 16, log); }).kind(), ErrorKind::kInternal);
    }
  }
}

TEST(Failure, AnErrorInTheSinkEndsTheRun) {
  const DataSource data = toy_data(64);
  Trainer trainer(toy_config(3, 2, 16), data);
  StepLog log;
  log.on_step = [](const StepRecord& record) { DRIFT_CHECK(kConfig, record.step < 4, "the disk is full"); };
  EXPECT_EQ(error_of([&] { testing::run_to(trainer, 16, log); }).message(), "the disk is full");
}

TEST(Failure, DivergenceNamesStepWorkerAndRate) {
  const DataSource data = toy_data(64);
  TrainConfig config = toy_config(2, 2, 16);
  config.model.norm = "group";
  config.lr.lr = 1e30;
  for (const double clip : {0.0, 0.5}) {
    config.optimizer.clip_grad_norm = clip;
    Trainer trainer(config, data);
    StepLog log;
    const Error error = error_of([&] { testing::run_to(trainer, 16, log); });
    EXPECT_EQ(error.kind(), ErrorKind::kDiverged);
    for (const char* part : {"at step ", "on worker ", "learning rate 1e+30", "--lr"}) {
      EXPECT_NE(error.message().find(part), std::string::npos) << error.message();
    }
  }
}

TEST(Failure, RestoreRefusesWhatDoesNotFitAndChangesNothing) {
  const DataSource data = toy_data(64);
  const TrainConfig config = toy_config(2, 2, 4);
  Trainer trainer(config, data);
  StepLog log;
  testing::run_to(trainer, 3, log);
  const Checkpoint good = trainer.checkpoint();
  TrainConfig other_model = config;
  other_model.model.norm = "group";
  Checkpoint truncated = good;
  truncated.workers[1].momentum.pop_back();
  Checkpoint late = good;
  late.meta.step = 5;
  for (const Checkpoint& bad :
       {Trainer(toy_config(3, 2, 4), data).checkpoint(), Trainer(other_model, data).checkpoint(), truncated, late}) {
    EXPECT_EQ(error_of([&] { trainer.restore(bad); }).kind(), ErrorKind::kCheckpoint);
    EXPECT_EQ(trainer.step(), 3);
    EXPECT_TRUE(trainer.checkpoint().workers == good.workers);
  }
}

TEST(Failure, TheModelMustHaveAsManyClassesAsTheData) {
  const DataSource data = toy_data(64);
  TrainConfig config = toy_config(2, 2, 4);
  config.model.classes = 7;
  EXPECT_EQ(error_of([&] { Trainer(config, data); }).kind(), ErrorKind::kConfig);
}

TEST(Failure, Bf16IsRefusedWhereItWouldBeEmulated) {
  if (cpu_features().bf16) GTEST_SKIP() << "this CPU has bf16";
  const DataSource data = toy_data(64);
  TrainConfig config = toy_config(2, 2, 4);
  config.machine.precision = DType::kBFloat16;
  const Error error = error_of([&] { Trainer(config, data); });
  EXPECT_EQ(error.kind(), ErrorKind::kDevice);
  EXPECT_NE(error.message().find("--precision fp32"), std::string::npos) << error.message();
}

// A NaN where no loss sees it: training normalises with the batch's statistics, so the running ones may hold anything.
TEST(NotFinite, StatisticsOfOneWorkerEndTheRunAtTheRoundsEnd) {
  const DataSource data = toy_data(40);
  Trainer trainer(toy_config(2, 3, 8), data);
  trainer.model(1).parameters.buffers()[0] = std::numeric_limits<float>::quiet_NaN();
  StepLog log;
  const Error error = error_of([&] { testing::run_to(trainer, 8, log); });
  EXPECT_EQ(error.kind(), ErrorKind::kDiverged);
  EXPECT_TRUE(error.message().starts_with("worker 1 is not finite after 3 steps: 1 of the batch-norm statistics"))
      << error.message();
  EXPECT_EQ(std::ssize(log.steps), 3);  // the steps of the round are told
}

TEST(NotFinite, AnUpdateThatOverflowsInTheLastStepIsFoundWhenWorkersLeave) {
  const DataSource data = toy_data(40);
  TrainConfig config = testing::synchronous(toy_config(1, 1, 8));
  config.length.steps = 1;
  config.lr.lr = 100;
  Trainer trainer(config, data);
  trainer.model(0).parameters.momentum().back() = std::numeric_limits<float>::max();
  StepLog log;
  const Error error = error_of([&] { testing::run_to(trainer, 1, log); });
  EXPECT_EQ(error.kind(), ErrorKind::kDiverged);
  EXPECT_NE(error.message().find("not finite after 1 steps: 1 of the parameters"), std::string::npos)
      << error.message();
}

TEST(NotFinite, AnAverageIsNeitherEvaluatedNorGivenAway) {
  const DataSource data = toy_data(40);
  for (const BatchNormPolicy policy : {BatchNormPolicy::kAverage, BatchNormPolicy::kLocal}) {
    TrainConfig config = toy_config(2, 3, 8);
    config.sync.scope.batch_norm = policy;
    Trainer trainer(config, data);
    trainer.model(0).parameters.buffers()[0] = std::numeric_limits<float>::infinity();
    const Error error = error_of([&] { trainer.evaluate(); });
    EXPECT_EQ(error.kind(), ErrorKind::kDiverged);
    EXPECT_NE(error.message().find("averaged model is not finite after 0 steps: 1 of the batch-norm"),
              std::string::npos)
        << error.message();
  }
}

}  // namespace
}  // namespace drift
