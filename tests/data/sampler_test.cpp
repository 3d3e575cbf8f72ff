#include "data/sampler.h"

#include <cmath>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <set>
#include <vector>

#include "tests/data/data_support.h"

namespace drift {
namespace {

using testing::chi_square;
using testing::contains;
using testing::message_of;
using Indices = std::vector<std::int64_t>;

Indices worker_indices(const Sampler& sampler, std::int64_t step, int worker) {
  Indices indices(static_cast<std::size_t>(sampler.config().local_batch));
  sampler.indices(step, worker, indices);
  return indices;
}

// All workers' samples of a step, worker 0 first.
Indices step_indices(const Sampler& sampler, std::int64_t step) {
  Indices all;
  for (int worker = 0; worker < sampler.config().workers; ++worker) {
    const Indices part = worker_indices(sampler, step, worker);
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

Indices epoch_indices(const Sampler& sampler, std::int64_t epoch) {
  Indices all;
  for (std::int64_t j = 0; j < sampler.steps_per_epoch(); ++j) {
    const Indices part = step_indices(sampler, epoch * sampler.steps_per_epoch() + j);
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

Sampling any_sampling() {
  return *rc::gen::element(Sampling::kWithoutReplacement, Sampling::kWithReplacement, Sampling::kSequential);
}

RC_GTEST_PROP(SamplerLaws, SamplesDoNotDependOnTheLayout, ()) {
  const int workers = *rc::gen::inRange(1, 9);
  const auto local_batch = *rc::gen::inRange<std::int64_t>(1, 6);
  SamplerConfig config{.sampling = any_sampling(), .seed = *rc::gen::arbitrary<std::uint64_t>()};
  config.dataset_size = workers * local_batch * *rc::gen::inRange(1, 5) + *rc::gen::inRange(0, 3);
  config.workers = workers;
  config.local_batch = local_batch;
  const Sampler many(config);
  config.workers = 1;
  config.local_batch = workers * local_batch;
  const Sampler one(config);
  const auto step = *rc::gen::inRange<std::int64_t>(0, 40);
  RC_ASSERT(step_indices(many, step) == step_indices(one, step));
}

RC_GTEST_PROP(SamplerLaws, EachSampleAtMostOncePerEpochAndTheTailIsDropped, ()) {
  SamplerConfig config{.seed = *rc::gen::arbitrary<std::uint64_t>()};
  config.workers = *rc::gen::inRange(1, 5);
  config.local_batch = *rc::gen::inRange(1, 5);
  const std::int64_t batch = config.workers * config.local_batch;
  config.dataset_size = *rc::gen::inRange<std::int64_t>(batch, 100 + batch);
  const Sampler sampler(config);
  RC_ASSERT(sampler.steps_per_epoch() == config.dataset_size / batch);

  const Indices epoch = epoch_indices(sampler, *rc::gen::inRange(0, 5));
  const std::set<std::int64_t> distinct(epoch.begin(), epoch.end());
  RC_ASSERT(distinct.size() == epoch.size());
  RC_ASSERT(static_cast<std::int64_t>(epoch.size()) == config.dataset_size / batch * batch);
  RC_ASSERT(*distinct.begin() >= 0 && *distinct.rbegin() < config.dataset_size);
}

RC_GTEST_PROP(SamplerLaws, AnswersDoNotDependOnWhatWasAskedBefore, ()) {
  const SamplerConfig config{
      .sampling = any_sampling(), .seed = *rc::gen::arbitrary<std::uint64_t>(), .dataset_size = 13, .local_batch = 3};
  const Sampler used(config);
  const auto steps = *rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(0, 40));
  for (const std::int64_t step : steps) RC_ASSERT(step_indices(used, step) == step_indices(Sampler(config), step));
}

TEST(Sampler, EpochsAndSeedsHaveTheirOwnOrder) {
  const SamplerConfig config{.seed = 1, .dataset_size = 100, .local_batch = 10};
  const Sampler sampler(config);
  EXPECT_NE(epoch_indices(sampler, 0), epoch_indices(sampler, 1));
  EXPECT_NE(epoch_indices(sampler, 1), epoch_indices(sampler, 2));
  SamplerConfig other = config;
  other.seed = 2;
  EXPECT_NE(epoch_indices(sampler, 0), epoch_indices(Sampler(other), 0));
}

// 8 x 8 counts of (position, sample) over 4,000 epochs: 49 degrees of freedom, five standard deviations are allowed.
TEST(Sampler, EverySampleIsEquallyLikelyAtEveryPosition) {
  const Sampler sampler({.seed = 5, .dataset_size = 8, .local_batch = 8});
  std::vector<std::int64_t> counts(64);
  for (std::int64_t epoch = 0; epoch < 4000; ++epoch) {
    const Indices order = step_indices(sampler, epoch);
    for (std::size_t i = 0; i < 8; ++i) ++counts[8 * i + static_cast<std::size_t>(order[i])];
  }
  EXPECT_LT(chi_square(counts), 49 + 5 * std::sqrt(2 * 49.0));
}

TEST(Sampler, WithReplacementIsUniformAndRepeats) {
  constexpr std::int64_t kSize = 20;
  const Sampler sampler({.sampling = Sampling::kWithReplacement, .seed = 3, .dataset_size = kSize, .local_batch = 10});
  std::vector<std::int64_t> counts(kSize);
  int epochs_with_a_repeat = 0;
  for (std::int64_t epoch = 0; epoch < 1000; ++epoch) {
    const Indices drawn = epoch_indices(sampler, epoch);
    for (const std::int64_t index : drawn) ++counts.at(static_cast<std::size_t>(index));
    epochs_with_a_repeat += std::set(drawn.begin(), drawn.end()).size() < drawn.size();
  }
  EXPECT_LT(chi_square(counts), 19 + 5 * std::sqrt(2 * 19.0));
  EXPECT_GT(epochs_with_a_repeat, 990);  // 20 distinct out of 20 draws: 2e-8
}

TEST(Sampler, WithReplacementAnEpochMayBeLongerThanTheData) {
  SamplerConfig config{
      .sampling = Sampling::kWithReplacement, .dataset_size = 8, .local_batch = 4, .steps_per_epoch = 50};
  EXPECT_EQ(epoch_indices(Sampler(config), 0).size(), 200u);
}

TEST(Sampler, WithReplacementABatchMayBeLargerThanTheData) {
  const Sampler sampler({.sampling = Sampling::kWithReplacement,
                         .dataset_size = 5,
                         .workers = 2,
                         .local_batch = 4,
                         .steps_per_epoch = 3});
  const Indices drawn = epoch_indices(sampler, 0);
  ASSERT_EQ(drawn.size(), 24u);
  for (const std::int64_t index : drawn) EXPECT_TRUE(index >= 0 && index < 5) << index;
}

TEST(Sampler, SequentialIsTheDatasetsOrderInEveryEpoch) {
  const Sampler sampler({.sampling = Sampling::kSequential, .dataset_size = 11, .workers = 2, .local_batch = 2});
  EXPECT_EQ(epoch_indices(sampler, 0), (Indices{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(epoch_indices(sampler, 3), epoch_indices(sampler, 0));
  EXPECT_EQ(worker_indices(sampler, 3, 1), (Indices{6, 7}));
}

TEST(Sampler, FewerStepsPerEpochShortenTheEpoch) {
  const Sampler sampler({.seed = 9, .dataset_size = 100, .local_batch = 10, .steps_per_epoch = 3});
  EXPECT_EQ(sampler.epoch_of(2), 0);
  EXPECT_EQ(sampler.epoch_of(3), 1);
  const Indices whole = epoch_indices(Sampler({.seed = 9, .dataset_size = 100, .local_batch = 10}), 1);
  EXPECT_EQ(epoch_indices(sampler, 1), Indices(whole.begin(), whole.begin() + 30));
}

TEST(Sampler, RefusesWhatCannotBeSampled) {
  const auto message = [](SamplerConfig config) { return message_of(ErrorKind::kConfig, [&] { Sampler{config}; }); };
  const std::string small = message({.dataset_size = 15, .workers = 4, .local_batch = 4});
  EXPECT_TRUE(contains(small, "15 images")) << small;
  EXPECT_TRUE(contains(small, "16 (4 workers with 4 each)")) << small;
  const SamplerConfig replaced{.sampling = Sampling::kWithReplacement, .dataset_size = 15, .local_batch = 16};
  EXPECT_TRUE(contains(message(replaced), "15 images"));  // how long is an epoch?
  const SamplerConfig empty{.sampling = Sampling::kWithReplacement, .local_batch = 16, .steps_per_epoch = 1};
  EXPECT_TRUE(contains(message(empty), "0 images"));
  for (const Sampling sampling : {Sampling::kWithoutReplacement, Sampling::kSequential}) {
    EXPECT_TRUE(contains(message({.sampling = sampling, .dataset_size = 15, .local_batch = 16, .steps_per_epoch = 1}),
                         "15 images"));
    const std::string long_epoch =
        message({.sampling = sampling, .dataset_size = 99, .local_batch = 10, .steps_per_epoch = 10});
    EXPECT_TRUE(contains(long_epoch, "at most 9 steps")) << long_epoch;
  }
  EXPECT_TRUE(contains(message({.dataset_size = 10, .workers = 0}), "at least 1"));
  EXPECT_TRUE(contains(message({.dataset_size = 10, .local_batch = 0}), "at least 1"));
  EXPECT_TRUE(contains(message({.dataset_size = 10, .steps_per_epoch = -1}), "-1"));
}

}  // namespace
}  // namespace drift
