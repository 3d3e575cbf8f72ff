// Evaluation and re-estimation of batch-norm statistics.
#include "train/step/evaluate.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <gtest/gtest.h>

#include "tests/train/toy_run.h"
#include "train/step/batch_loss.h"

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

// Counted by sorting the logits; no two of them are equal here.
TEST(Evaluate, CountsTheLabelsAmongTheBestOneAndTheBestFive) {
  Bench bench;
  constexpr std::int64_t kImages = 40;
  const DataSource data = toy_data(16, kImages);
  const auto model = bench.fresh_model(toy_config(1, 1, 1));
  Batch batch;
  const std::int64_t bytes = data.test->image_shape().elements();
  batch.images.resize(static_cast<std::size_t>(kImages * bytes));
  for (std::int64_t i = 0; i < kImages; ++i) {
    data.test->read_image(
        i, std::span(batch.images).subspan(static_cast<std::size_t>(i * bytes), static_cast<std::size_t>(bytes)));
    batch.labels.push_back(data.test->label(i));
  }
  BatchMemory memory(Device{}, data.test->image_shape(), kImages);
  Tape tape(*bench.backend, bench.pool, DType::kFloat32, kInference);
  const Tensor logits = forward_logits(tape, *model, memory.upload(batch, *bench.backend), data.normalisation);
  std::vector<float> scores(static_cast<std::size_t>(logits.shape().elements()));
  bench.backend->download(logits.view(), scores.data());
  std::int64_t best = 0, among_five = 0;
  for (std::int64_t i = 0; i < kImages; ++i) {
    const std::span<float> row =
        std::span(scores).subspan(static_cast<std::size_t>(i * testing::kToyClasses), testing::kToyClasses);
    const float score = row[static_cast<std::size_t>(batch.labels[static_cast<std::size_t>(i)])];
    std::ranges::sort(row, std::greater());
    best += score == row[0] ? 1 : 0;
    among_five += score >= row[4] ? 1 : 0;
  }
  const Evaluation evaluation =
      evaluate(*model, *data.test, data.normalisation, DType::kFloat32, 7, *bench.backend, bench.pool, bench.loading);
  EXPECT_EQ(evaluation.correct, best);
  EXPECT_EQ(evaluation.correct_top5, among_five);
  EXPECT_LT(best, among_five);
  EXPECT_LT(among_five, kImages);
  EXPECT_EQ(evaluation.top5(), static_cast<double>(among_five) / kImages);
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
