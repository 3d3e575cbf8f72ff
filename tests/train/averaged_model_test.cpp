// The copy that evaluations look at: the mean of the replicas, statistics by policy, nobody else changed.
#include "train/averaged_model.h"

#include <gtest/gtest.h>

#include "tests/reference/sgd.h"
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
