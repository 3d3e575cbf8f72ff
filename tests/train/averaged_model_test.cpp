// The copy that evaluations look at: the mean of the replicas, statistics by policy, nobody else changed.
#include "train/averaged_model.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <mutex>
#include <set>
#include <utility>

#include "data/hold_out.h"
#include "tests/reference/sgd.h"
#include "tests/support/seed.h"
#include "tests/train/hooked_dataset.h"
#include "tests/train/toy_run.h"

namespace drift {
namespace {

using testing::toy_config;
using testing::toy_data;

TEST(AveragedModel, HasTheMeanOfTheParametersAndStatisticsByPolicy) {
  const DataSource data = toy_data(40);
  TrainConfig config = toy_config(3, 10, 4);
  const auto buffers_with = [&](BatchNormPolicy policy) {
    config.sync.scope.batch_norm = policy;
    Trainer trainer(config, data);
    testing::StepLog log;
    testing::run_to(trainer, 4, log);
    const auto workers = trainer.checkpoint().workers;
    const Model& model = trainer.averaged_model();
    const auto values = model.parameters.values();
    EXPECT_EQ(std::vector<float>(values.begin(), values.end()),
              reference::tree_average<float>({workers[0].values, workers[1].values, workers[2].values}));
    const auto buffers = model.parameters.buffers();
    return std::pair(std::vector<float>(buffers.begin(), buffers.end()), workers);
  };
  const auto [local, workers] = buffers_with(BatchNormPolicy::kLocal);
  EXPECT_EQ(local, workers[0].buffers);
  const auto average = buffers_with(BatchNormPolicy::kAverage).first;
  EXPECT_EQ(average, reference::tree_average<float>({workers[0].buffers, workers[1].buffers, workers[2].buffers}));
  const auto reestimated = buffers_with(BatchNormPolicy::kReestimate).first;
  EXPECT_NE(reestimated, local);
  EXPECT_NE(reestimated, average);
}

TEST(AveragedModel, IsMeasuredOnTheImagesHeldOutAndNothingElseReadsThem) {
  SCOPED_TRACE(fmt::format("seed={}", testing::seed()));
  std::mutex mutex;
  std::set<std::int64_t> read;  // of all training images
  DataSource data = toy_data(64);
  data.train = std::make_unique<testing::HookedDataset>(std::move(data.train), [&](std::int64_t index) {
    const std::lock_guard lock(mutex);
    read.insert(index);
  });
  data = hold_out(std::move(data), 16, testing::seed());
  std::vector<std::uint8_t> image(static_cast<std::size_t>(data.train->image_shape().elements()));
  for (std::int64_t i = 0; i < 16; ++i) data.validation->read_image(i, image);
  const std::set<std::int64_t> held_out = std::exchange(read, {});
  ASSERT_EQ(held_out.size(), 16u);

  const TrainConfig config = toy_config(2, 4, 12);  // two epochs of 48 images
  Trainer trainer(config, data);
  EXPECT_EQ(trainer.schedule().steps_per_epoch, 6);
  testing::StepLog log;
  testing::run_to(trainer, 12, log);
  trainer.averaged_model();
  EXPECT_EQ(read.size(), 48u);
  for (const std::int64_t index : held_out) EXPECT_FALSE(read.contains(index)) << index;

  const EvalRecord record = trainer.evaluate();
  for (const std::int64_t index : held_out) EXPECT_TRUE(read.contains(index)) << index;
  ASSERT_TRUE(record.validation);
  MemoryPool pool(trainer.device());
  LoaderPool loading(0);
  const auto measured = [&](const Dataset& dataset) {
    return evaluate(trainer.evaluated_model(), dataset, data.normalisation, config.machine.precision,
                    config.evaluation.batch_of(dataset.image_shape()), trainer.backend(), pool, loading);
  };
  const Evaluation expected = measured(*data.validation), on_test = measured(*data.test);
  EXPECT_EQ(record.validation->loss, expected.loss);
  EXPECT_EQ(record.validation->correct, expected.correct);
  EXPECT_EQ(record.validation->correct_top5, expected.correct_top5);
  EXPECT_EQ(record.validation->top5, expected.top5());
  EXPECT_EQ(record.validation->total, 16);
  EXPECT_EQ(record.loss, on_test.loss);
  EXPECT_EQ(record.correct, on_test.correct);
  EXPECT_EQ(record.correct_top5, on_test.correct_top5);
  EXPECT_EQ(record.top5, on_test.top5());
  EXPECT_NE(record.loss, expected.loss);
}

// At a learning rate of 0 a run ends with the model it began with.
TEST(AveragedModel, ItsLossIsThatOfTheLabelsWhileTrainingsIsSmoothed) {
  const DataSource data = toy_data(40);
  TrainConfig config = toy_config(2, 2, 4);
  config.lr.lr = 0;
  config.data.label_noise = 0.5;
  const auto losses_with = [&](double smoothing) {
    config.data.label_smoothing = smoothing;
    Trainer trainer(config, data);
    testing::StepLog log;
    testing::run_to(trainer, 4, log);
    return std::pair(log.steps.back().loss, trainer.evaluate().loss);
  };
  const auto [plain, plain_evaluation] = losses_with(0);
  const auto [smoothed, evaluation] = losses_with(0.5);
  EXPECT_NE(smoothed, plain);
  EXPECT_EQ(evaluation, plain_evaluation);
}

TEST(AveragedModel, TakesItsMemoryOnce) {
  const DataSource data = toy_data(40);
  Trainer trainer(toy_config(2, 4, 8), data);
  testing::StepLog log;
  testing::run_to(trainer, 1, log);
  trainer.evaluate();
  const std::int64_t allocations = Storage::allocations();
  testing::run_to(trainer, 2, log);
  const float* const values = trainer.averaged_model().parameters.values().data();
  EXPECT_EQ(trainer.averaged_model(BatchNormPolicy::kLocal).parameters.values().data(), values);
  EXPECT_LE(Storage::allocations() - allocations, 8);  // the batches that statistics are re-estimated from
}

}  // namespace
}  // namespace drift
