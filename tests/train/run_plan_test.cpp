// A plan says what the run then does: steps, averages, rates, bytes; and what it takes of memory.
#include "train/run_plan.h"

#include <gtest/gtest.h>

#include "tests/support/error_of.h"
#include "tests/train/random_config.h"
#include "tests/train/toy_run.h"

namespace drift::testing {
namespace {

// What the records of a run say of what a plan foretold.
// bytes_rounded: that each average's are rounded down, which the plan does for each fragment and a run for those that
// it averages at once.
void expect_run_of(const RunPlan& plan, const std::vector<StepRecord>& steps, double bytes_rounded = 0) {
  EXPECT_EQ(std::ssize(steps), plan.schedule.total_steps);
  double bytes = 0;
  std::map<Sync, std::int64_t> averages;
  for (const StepRecord& step : steps) {
    bytes += static_cast<double>(step.bytes);
    ++averages[step.sync];
  }
  EXPECT_NEAR(bytes, plan.bytes, bytes_rounded);
  std::map<Sync, std::int64_t> foretold;
  for (const Phase& phase : plan.phases) foretold[phase.sync] += phase.averages;
  EXPECT_EQ(averages[Sync::kGradients], foretold[Sync::kGradients]);
  EXPECT_EQ(averages[Sync::kParameters], foretold[Sync::kParameters]);
  for (const RateAt& at : plan.rates) EXPECT_EQ(steps.at(static_cast<std::size_t>(at.step)).lr, at.rate);
  EXPECT_EQ(static_cast<double>(steps.back().samples), plan.images_seen);
}

TEST(RunPlan, SaysWhatTheRunSends) {
  const DataSource data = toy_data(64);
  for (const int workers : {1, 2, 3}) {
    for (std::uint64_t round = 0; round < 8; ++round) {
      SCOPED_TRACE(fmt::format("{} workers, round {}", workers, round));
      const TrainConfig config = random_config(workers, round);
      const RunPlan plan = plan_run(config, &data, 1);
      const auto rounds = static_cast<double>(plan.schedule.plan.rounds());
      expect_run_of(plan, run_toy(config, data).steps, (config.sync.fragments - 1) * workers * rounds);
    }
  }
}

// Momentum and statistics that are averaged are sent, too.
TEST(RunPlan, CountsEachArenaThatIsAveraged) {
  const DataSource data = toy_data(64);
  TrainConfig config = toy_config(2, 3, 6);
  const double parameters = plan_run(config, &data, 1).bytes;
  config.sync.scope = {.momentum = MomentumSync::kAverage, .batch_norm = BatchNormPolicy::kAverage};
  const RunPlan plan = plan_run(config, &data, 1);
  EXPECT_GT(plan.bytes, 2 * parameters);
  expect_run_of(plan, run_toy(config, data).steps);
}

TEST(RunPlan, ParallelSgdIsWhatItIsComparedWith) {
  const DataSource data = toy_data(64);
  const TrainConfig local = toy_config(2, 3, 9);
  const RunPlan sgd = plan_run(synchronous(local), &data, 1);
  EXPECT_EQ(sgd.bytes, sgd.bytes_of_sgd);
  const RunPlan plan = plan_run(local, &data, 1);
  EXPECT_EQ(plan.bytes_of_sgd, sgd.bytes);
  EXPECT_EQ(3 * plan.bytes, plan.bytes_of_sgd);
}

TEST(RunPlan, NeedsOfTheDataNoMoreThanItsNumberOfImages) {
  const DataSource data = toy_data(64);
  TrainConfig config = toy_config(2, 3, 9);
  config.length = {};
  config.length.epochs = 2;
  config.data.train_images = 64;
  EXPECT_EQ(plan_run(config, nullptr, 1).schedule.total_steps, 16);
  EXPECT_EQ(plan_run(config, nullptr, 1).bytes, plan_run(config, &data, 1).bytes);
  config.data.val_split = 0.25;  // 48 are left
  const RunPlan split = plan_run(config, nullptr, 1);
  EXPECT_EQ(split.schedule.steps_per_epoch, 6);
  EXPECT_EQ(split.train_images, 48);
  EXPECT_EQ(split.held_out, 16);

  config.data = {};
  EXPECT_EQ(error_of([&] { plan_run(config, nullptr, 1); }).kind(), ErrorKind::kConfig);
  config.length.steps_per_epoch = 5;
  EXPECT_EQ(plan_run(config, nullptr, 1).schedule.total_steps, 10);
  EXPECT_EQ(plan_run(config, nullptr, 1).train_images, std::nullopt);
}

// Of the data, too, if it is there.
TEST(RunPlan, ThrowsWhatTrainingWouldThrow) {
  const DataSource data = toy_data(64);
  const auto message = [&](const TrainConfig& config, int processes = 1) {
    const std::string planned = error_of([&] { plan_run(config, &data, processes); }).message();
    if (processes == 1) {
      EXPECT_EQ(planned, error_of([&] { Trainer(config, data); }).message());
    }
    return planned;
  };
  TrainConfig config = toy_config(2, 3, 9);
  config.data.train_images = 65;
  EXPECT_TRUE(message(config).find("has 64 training images, and --train-images says 65") != std::string::npos);
  config = toy_config(2, 3, 9);
  config.length.steps_per_epoch = 9;
  EXPECT_TRUE(message(config).find("at most 8 steps per epoch") != std::string::npos);
  config = toy_config(2, 3, 9);
  config.model.classes = 11;
  EXPECT_TRUE(message(config).find("set --classes 10") != std::string::npos);
  EXPECT_TRUE(message(toy_config(3, 3, 9), 2).find("cannot be shared evenly by 2 processes") != std::string::npos);
}

TEST(RunPlan, MemoryIsThatOfReplicasAndLanes) {
  const DataSource data = toy_data(64);
  TrainConfig config = toy_config(4, 3, 9);
  config.machine.threads = 2;
  const MemoryNeed memory = plan_run(config, &data, 1).memory;
  const ReplicaState state = run_toy(config, data).workers.front();
  const auto floats = [](const std::vector<float>& arena) { return 4 * std::ssize(arena); };
  EXPECT_EQ(memory.replicas, 4);
  EXPECT_EQ(memory.step.state, 3 * floats(state.values) + floats(state.buffers));
  EXPECT_EQ(memory.averaged_model, floats(state.values) + floats(state.buffers));
  EXPECT_EQ(memory.telemetry, floats(state.values));
  EXPECT_EQ(memory.lanes, 2);
  EXPECT_EQ(memory.images, 0);

  const StepMemory step = step_memory(
      {.model = config.model, .batch = config.sync.local_batch, .image = data.train->image_shape(), .threads = 1});
  EXPECT_EQ(memory.step.activations, step.activations);
  EXPECT_EQ(memory.step.workspace, step.workspace);
  EXPECT_EQ(memory.total(), step.of(4, 2) + memory.averaged_model + memory.telemetry);
  EXPECT_EQ(plan_run(config, &data, 2).memory.replicas, 2);
}

// On a GPU all workers compute at once, beside the images; it need not be here.
TEST(RunPlan, IsOfAnotherMachineToo) {
  const DataSource data = toy_data(64);
  TrainConfig config = toy_config(4, 3, 9);
  config.machine.device = "cuda";
  config.machine.threads = 1;
  const RunPlan plan = plan_run(config, &data, 2);
  EXPECT_EQ(plan.device, DeviceType::kCuda);
  EXPECT_EQ(plan.memory.lanes, 2);
  EXPECT_EQ(plan.memory.images, 64 * 8 * 8 * 3);
  EXPECT_EQ(plan.memory.step.batch, 0);  // they lie there
  EXPECT_EQ(plan.obstacle, "");
  config.data.train_images = 64;
  EXPECT_EQ(plan_run(config, nullptr, 2).memory.images, std::nullopt);

  config = toy_config(256, 3, 9);
  config.machine.device = "cuda";
  config.data.train_images = 1024;
  EXPECT_EQ(plan_run(config, nullptr, 4).obstacle, "");
  EXPECT_TRUE(plan_run(config, nullptr, 2).obstacle.starts_with("128 workers on one GPU")) << "at most 127";
}

}  // namespace
}  // namespace drift::testing
