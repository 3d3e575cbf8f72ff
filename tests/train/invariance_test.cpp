// What must not change a single bit of a run: being stopped and resumed, threads, lanes, evaluations. And that a step
// in its stride allocates no device memory.
#include <gtest/gtest.h>

#include "core/rng.h"
#include "tests/support/error_of.h"
#include "tests/support/seed.h"
#include "tests/support/temp_directory.h"
#include "tests/train/random_config.h"
#include "tests/train/toy_run.h"

namespace drift {
namespace {

using testing::expect_same_bits;
using testing::random_config;
using testing::run_toy;
using testing::StepLog;
using testing::toy_config;
using testing::toy_data;
using testing::ToyRun;

// The nth draw of this test run, from 0 to n-1.
int draw(std::uint64_t index, int n) {
  return static_cast<int>(
      Rng(testing::seed(), stream_id(Purpose::kTest, 77)).below(index, static_cast<std::uint32_t>(n)));
}

// Stops at `cut`, moves everything through a checkpoint into a new trainer, and goes on.
ToyRun interrupted(const TrainConfig& config, const DataSource& data, Step cut) {
  StepLog log;
  Checkpoint checkpoint;
  {
    Trainer first(config, data);
    testing::run_to(first, cut, log);
    checkpoint = first.checkpoint();
  }
  Trainer second(config, data);
  second.restore(checkpoint);
  EXPECT_EQ(second.step(), cut);
  testing::run_to(second, second.schedule().total_steps, log);
  return {.steps = log.steps, .workers = second.checkpoint().workers};
}

TEST(Invariance, ResumedRunEqualsAnUninterruptedOne) {
  const DataSource data = toy_data(40);
  for (std::uint64_t round = 0; round < 6; ++round) {
    const TrainConfig config = random_config(1 + draw(16 * round, 4), round);
    const Step cut = draw(16 * round + 10, 10);
    SCOPED_TRACE(fmt::format("seed={} round {}: K {} H {} cut at step {}", testing::seed(), round, config.sync.workers,
                             config.sync.periods[0], cut));
    expect_same_bits(interrupted(config, data, cut), run_toy(config, data));
  }
}

TEST(Invariance, ARunInPiecesEqualsAWholeOne) {
  const DataSource data = toy_data(40);
  const TrainConfig config = toy_config(3, 4, 9);
  Trainer trainer(config, data);
  StepLog log;
  for (const Step last : {2, 2, 3, 8, 9}) EXPECT_EQ(testing::run_to(trainer, last, log), last);
  expect_same_bits({.steps = log.steps, .workers = trainer.checkpoint().workers}, run_toy(config, data));
}

TEST(Invariance, SameBitsTwiceAndForAnyLoaderThreadsAndLanes) {
  const DataSource data = toy_data(64);
  TrainConfig config = toy_config(4, 3, 7);
  config.data.label_noise = 0.3;
  const ToyRun reference = run_toy(config, data);
  expect_same_bits(run_toy(config, data), reference);
  for (const int loader_threads : {1, 3}) {
    TrainConfig other = config;
    other.machine.loader_threads = loader_threads;
    expect_same_bits(run_toy(other, data), reference);
  }
  for (const int threads : {1, 4}) {  // lanes: 1 and 4 for the 4 workers, against 2
    TrainConfig other = config;
    other.machine.threads = threads;
    expect_same_bits(run_toy(other, data), reference);
  }
  config.seed = 2;
  EXPECT_FALSE(run_toy(config, data).workers[0].values == reference.workers[0].values);
}

TEST(Invariance, SlowWorkersDoTheSame) {
  const DataSource data = toy_data(24);
  TrainConfig config = toy_config(3, 2, 4);
  const ToyRun plain = run_toy(config, data);
  config.machine.straggler = "2:1.5,0:3";
  const ToyRun slow = run_toy(config, data);
  expect_same_bits(slow, plain);

  config.machine.straggler = "3:1.5";
  const Error error = testing::error_of([&] { Trainer(config, data); });
  EXPECT_EQ(error.kind(), ErrorKind::kConfig);
  EXPECT_NE(error.message().find("names worker 3, and there are 3"), std::string::npos) << error.message();
}

TEST(Invariance, EvaluationsAndCheckpointsDoNotDisturb) {
  const DataSource data = toy_data(40);
  for (const BatchNormPolicy bn_stats :
       {BatchNormPolicy::kReestimate, BatchNormPolicy::kAverage, BatchNormPolicy::kLocal}) {
    TrainConfig config = toy_config(3, 3, 7);
    config.sync.scope.batch_norm = bn_stats;
    config.machine.threads = 1;
    Trainer trainer(config, data);
    StepLog log;
    for (const Step step : {1, 3, 5, 7}) {
      testing::run_to(trainer, step, log);
      const EvalRecord first = trainer.evaluate();
      const EvalRecord again = trainer.evaluate();
      EXPECT_EQ(first.loss, again.loss);
      EXPECT_EQ(first.correct, again.correct);
      (void)trainer.checkpoint();
    }
    expect_same_bits({.steps = log.steps, .workers = trainer.checkpoint().workers}, run_toy(config, data));
  }
}

TEST(Invariance, TimesOfOperationsComeWithoutChangingBits) {
  const DataSource data = toy_data(40);
  TrainConfig config = toy_config(2, 2, 4);
  const ToyRun plain = run_toy(config, data);
  config.machine.op_times = true;
  Trainer trainer(config, data);
  StepLog log;
  testing::run_to(trainer, 4, log);
  expect_same_bits({.steps = log.steps, .workers = trainer.checkpoint().workers}, plain);
  const auto times = trainer.op_times();
  const OpTime& convolutions = times.at("conv2d_forward");
  EXPECT_EQ(convolutions.calls, 2 * 4 * 7);  // workers, steps, convolutions of ResNet-8
  EXPECT_EQ(convolutions.timed, convolutions.calls);
  EXPECT_GT(convolutions.milliseconds, 0);
  EXPECT_GT(convolutions.cost.multiply_adds, 0);
  EXPECT_EQ(times.at("augment").calls, 2 * 4);
}

TEST(Invariance, AProfileComesWithoutChangingBits) {
  const DataSource data = toy_data(40);
  TrainConfig config = toy_config(3, 2, 4);
  config.sync.algorithm = Algorithm::kPostLocal;
  config.sync.switch_step = 2;
  const ToyRun plain = run_toy(config, data);
  config.machine.profile_every = 1;
  const testing::TempDirectory directory;
  ProfileFile file(directory / "profile", {});
  Trainer trainer(config, data);
  trainer.profile_into(file);
  StepLog log;
  testing::run_to(trainer, 3, log);  // as if there were an evaluation
  testing::run_to(trainer, 4, log);
  expect_same_bits({.steps = log.steps, .workers = trainer.checkpoint().workers}, plain);
  const RecordedSession session = read_profile_file(directory / "profile").at(0);
  ASSERT_EQ(session.steps.size(), 3u * 4);
  for (const ProfiledStep& step : session.steps) {
    std::map<std::string, int> calls;
    for (const ProfiledCall& call : step.calls) {
      const ProfiledOp& op = session.ops[static_cast<std::size_t>(call.op)];
      ++calls[op.op];
      EXPECT_LE(call.time.end, step.duration);
      if (op.op.starts_with("conv2d")) {
        EXPECT_TRUE(op.layer.find("conv") != std::string::npos) << op.layer;
        EXPECT_EQ(op.part, op.op == "conv2d_forward" ? "forward" : "backward");
      }
    }
    EXPECT_EQ(calls["conv2d_forward"], 7) << "convolutions of ResNet-8";
    EXPECT_EQ(calls["sgd_update"], 2);
    EXPECT_EQ(step.waits.size(), step.sync == Sync::kNone ? 0u : 1u);
    EXPECT_EQ(step.first, step.step != 1);
    for (const ProfiledWait& wait : step.waits) EXPECT_GT(wait.bytes, 0);
  }
  EXPECT_EQ(file.cost().recorded, 3 * 4);
}

TEST(Invariance, StepsAllocateNoDeviceMemoryAfterTheFirstTwo) {
  const DataSource data = toy_data(40);
  TrainConfig config = toy_config(3, 2, 8);
  config.machine.threads = 1;  // one lane, so that it is certain which steps are the lane's first
  config.sync.scope = {.momentum = MomentumSync::kAverage, .batch_norm = BatchNormPolicy::kAverage};
  Trainer trainer(config, data);
  StepLog log;
  testing::run_to(trainer, 2, log);
  const std::int64_t before = Storage::allocations();
  testing::run_to(trainer, 8, log);
  EXPECT_EQ(Storage::allocations(), before);
}

}  // namespace
}  // namespace drift
