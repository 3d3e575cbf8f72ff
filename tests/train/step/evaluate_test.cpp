// Evaluation and re-estimation of batch-norm statistics.
#include "train/step/evaluate.h"

#include <cmath>
#include <gtest/gtest.h>

#include "tests/train/toy_run.h"

namespace drift {
namespace {

using testing::toy_config;
using testing::toy_data;

struct Bench {
  std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
  std::unique_ptr<Backend> backend = make_backend(*stream);
  MemoryPool pool{Device{}};
  LoaderPool loading{0};

  std::unique_ptr<Model> fresh_model(const TrainConfig& config) {
    auto model = make_model(config.model);
    model->parameters.allocate(*backend, false);
    model->parameters.initialise(*backend, config.seed);
    return model;
  }
  std::vector<float> reestimated(const TrainConfig& config, const DataSource& data, Step step, float start = 0) {
    const auto model = fresh_model(config);
    for (float& value : model->parameters.buffers()) value = start;
    reestimate_batch_norm(*model, *data.train, data.normalisation, config, step, *backend, pool, loading);
    return {model->parameters.buffers().begin(), model->parameters.buffers().end()};
  }
};

TEST(Evaluate, DoesNotDependOnTheBatchAndSeesEachImageOnce) {
  Bench bench;
  const DataSource data = toy_data(16, 13);
  const TrainConfig config = toy_config(1, 1, 1);
  const auto model = bench.fresh_model(config);
  const auto run = [&](std::int64_t batch) {
    return evaluate(*model, *data.test, data.normalisation, DType::kFloat32, batch, *bench.backend, bench.pool,
                    bench.loading);
  };
  const Evaluation one_by_one = run(1);
  EXPECT_EQ(one_by_one.total, 13);
  EXPECT_GT(one_by_one.loss, 0);
  for (const std::int64_t batch : {4, 13, 100}) {
    const Evaluation other = run(batch);
    EXPECT_EQ(other.total, 13);
    EXPECT_EQ(other.correct, one_by_one.correct);
    EXPECT_EQ(other.correct_top5, one_by_one.correct_top5);
    EXPECT_NEAR(other.loss, one_by_one.loss, 1e-5);
  }
}

TEST(Reestimate, IsAFunctionOfSeedAndStepAndNotOfEarlierStatistics) {
  Bench bench;
  const DataSource data = toy_data(40);
  TrainConfig config = toy_config(1, 1, 1);
  const auto statistics = bench.reestimated(config, data, 5);
  EXPECT_EQ(bench.reestimated(config, data, 5, 100.0f), statistics);
  EXPECT_NE(bench.reestimated(config, data, 6), statistics);
  config.seed = 2;
  EXPECT_NE(bench.reestimated(config, data, 5), statistics);
}

// A data set of one batch, not augmented: every batch is that one, so any number of them has its statistics; a moving
// average with the usual momentum would still be far from there.
TEST(Reestimate, IsThePlainMeanOverBatches) {
  Bench bench;
  const DataSource data = toy_data(8);
  TrainConfig config = toy_config(1, 1, 1);
  config.data.augmentation = Augmentation::kNone;
  config.sync.local_batch = 8;
  config.sync.scope.bn_batches = 1;
  const auto once = bench.reestimated(config, data, 0);
  config.sync.scope.bn_batches = 5;
  const auto many = bench.reestimated(config, data, 0);
  // The order within a batch differs from epoch to epoch, and with it the rounding of its sums.
  for (std::size_t i = 0; i < once.size(); ++i) EXPECT_NEAR(many[i], once[i], 1e-5 * (1 + std::abs(once[i]))) << i;
}

}  // namespace
}  // namespace drift
