// The recipes of papers amount to what these say: numbers worked out by hand from their settings, not from our code.
#include <cmath>
#include <gtest/gtest.h>

#include "tests/support/error_of.h"
#include "train/config/toml.h"
#include "train/run_plan.h"

namespace drift {
namespace {

// Floats of torchvision's ResNet-50; all its tensors have a multiple of 8 of them, so there is nothing between them.
constexpr double kResNet50 = 25'557'032;

TrainConfig recipe(const std::string& name) {
  return resolve_config(std::vector{read_recipe(std::string(DRIFT_RECIPES "/") + name + ".toml")}).config;
}

RunPlan plan_of(const std::string& name, int processes = 1) {
  return plan_run(recipe(name), nullptr, processes);
}

struct Rate {
  Step step;
  double rate;
};

void expect_rates(const RunPlan& plan, const std::vector<Rate>& expected) {
  ASSERT_EQ(plan.rates.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(plan.rates[i].step, expected[i].step) << i;
    EXPECT_NEAR(plan.rates[i].rate, expected[i].rate, 1e-9 * expected[i].rate) << i;
  }
}

// What K workers send for one average of all parameters: each 2 (K-1)/K of 4 bytes for each, whole bytes.
double bytes_of_average(int workers) {
  return workers * std::floor(2 * (workers - 1) * 4 * kResNet50 / workers);
}

// What no plan shows.
TEST(Recipes, UpdatesAreThoseOfThePapers) {
  const TrainConfig fig1b = recipe("fig1b"), sgd = recipe("resnet50-90ep"), qsr = recipe("qsr-resnet50");
  for (const TrainConfig& config : {fig1b, sgd, qsr}) EXPECT_EQ(config.optimizer.weight_decay, 1e-4);
  EXPECT_EQ(fig1b.optimizer.momentum, 0);
  EXPECT_EQ(sgd.optimizer.momentum, 0.9);
  EXPECT_EQ(qsr.optimizer.momentum, 0.9);
  EXPECT_TRUE(sgd.optimizer.nesterov);
  EXPECT_FALSE(qsr.optimizer.nesterov);
  EXPECT_FALSE(fig1b.optimizer.decay_norm_and_bias || sgd.optimizer.decay_norm_and_bias);
  EXPECT_TRUE(qsr.optimizer.decay_norm_and_bias);
  EXPECT_TRUE(sgd.model.zero_init_residual);
  EXPECT_FALSE(fig1b.model.zero_init_residual || qsr.model.zero_init_residual);
  EXPECT_EQ(fig1b.data.label_smoothing + sgd.data.label_smoothing, 0);
  EXPECT_EQ(qsr.data.label_smoothing, 0.1);
}

TEST(Recipes, Fig1b) {
  const RunPlan plan = plan_of("fig1b");
  EXPECT_EQ(plan.train_images, 1'281'167);  // of ImageNet
  EXPECT_EQ(plan.parameters, 25'557'032);
  EXPECT_EQ(plan.schedule.steps_per_epoch, 156);  // floor(1281167 / 8192)
  EXPECT_EQ(plan.schedule.total_steps, 23'400);   // 150 epochs
  EXPECT_EQ(plan.images_seen, 23'400.0 * 8192);
  EXPECT_EQ(plan.phases, (std::vector<Phase>{{Sync::kGradients, 0, 15'600, 15'600},        // 100 epochs
                                             {Sync::kParameters, 15'600, 23'400, 300}}));  // 6 rounds in each of 50
  EXPECT_EQ(plan.schedule.plan.stretches(), (std::vector<Stretch>{{15'600, 26, 300}}));
  expect_rates(plan, {{0, 0.5}, {780, 16}, {7'800, 1.6}, {15'600, 0.16}});
  EXPECT_EQ(plan.evaluations, 150);
  EXPECT_EQ(plan.checkpoints, 3);
  EXPECT_EQ(plan.bytes, 15'900 * bytes_of_average(256));
  EXPECT_EQ(plan.bytes_of_sgd, 23'400 * bytes_of_average(256));
}

TEST(Recipes, Fig1bOnFourGpusAsInThePaper) {
  const RunPlan plan = plan_of("fig1b", 4);
  EXPECT_EQ(plan.obstacle, "");
  EXPECT_EQ(plan.memory.replicas, 64);
  EXPECT_EQ(plan.memory.lanes, 64);
  EXPECT_EQ(plan.memory.step.state, 4 * (3 * 25'557'032 + 2 * 26'560));  // 26560 batch norm channels
  EXPECT_EQ(plan.memory.averaged_model, 4 * (25'557'032 + 2 * 26'560));
  EXPECT_EQ(plan.memory.images, 0);
  EXPECT_EQ(plan.checkpoint_bytes, 256 * 4.0 * (2 * kResNet50 + 2 * 26'560) + 4.0 * (kResNet50 + 2 * 26'560));
  EXPECT_TRUE(plan_of("fig1b", 2).obstacle.starts_with("128 workers on one GPU"));
}

TEST(Recipes, ResNet50In90Epochs) {
  const RunPlan plan = plan_of("resnet50-90ep");
  EXPECT_EQ(plan.train_images, 1'281'167);  // of ImageNet
  EXPECT_EQ(plan.schedule.steps_per_epoch, 156);
  EXPECT_EQ(plan.phases, (std::vector<Phase>{{Sync::kGradients, 0, 14'040, 14'040}}));
  expect_rates(plan, {{0, 0.1}, {780, 3.2}, {4'680, 0.32}, {9'360, 0.032}, {12'480, 0.0032}});
  EXPECT_DOUBLE_EQ(plan.schedule.lr.at(390), 1.65);  // half of the warm-up
  EXPECT_EQ(plan.bytes, 14'040 * bytes_of_average(256));
  EXPECT_EQ(plan.bytes_of_sgd, plan.bytes);
  EXPECT_EQ(plan.evaluations, 90);
  EXPECT_EQ(plan.checkpoints, 9);
}

// The baseline that its rates are scaled from.
TEST(Recipes, ResNet50In90EpochsAtOtherBatches) {
  TrainConfig config = recipe("resnet50-90ep");
  config.sync.workers = 8;
  const RunPlan plan = plan_run(config, nullptr, 1);
  EXPECT_EQ(plan.schedule.steps_per_epoch, 5'004);  // floor(1281167 / 256)
  EXPECT_DOUBLE_EQ(plan.schedule.lr.at(0), 0.1);
  EXPECT_DOUBLE_EQ(plan.schedule.lr.at(25'020), 0.1);
}

// H(lr) = max(4, floor((0.2 / lr)^2)): 4 until (0.2 / lr)^2 = 5, at lr = 0.2 / sqrt(5) = 0.0894427. The cosine from
// step 1560 to 62400 is there at step 1560 + 60840 acos(2 (0.0894427 - 1e-6) / (0.8 - 1e-6) - 1) / pi = 49195.1, and
// the round that begins at 49196, a multiple of 4, is the next. In the same way for 8, 10 and 16, on the rounds before
// them; and the last rounds: 0.2 / 0.00713882 = 28.0158, squared 784.9; the rate at 59520 asks for
// (0.2 / 0.00441605)^2 = 2051.1, and at 61571 829 steps are left.
TEST(Recipes, QsrResNet50) {
  const RunPlan plan = plan_of("qsr-resnet50");
  EXPECT_EQ(plan.train_images, 1'281'167);        // of ImageNet
  EXPECT_EQ(plan.schedule.steps_per_epoch, 312);  // floor(1281167 / 4096)
  EXPECT_EQ(plan.phases, (std::vector<Phase>{{Sync::kParameters, 0, 62'400, 12'874}}));
  expect_rates(plan, {{0, 1e-6},
                      {1'560, 0.8},
                      {16'770, 0.6828428589212284},
                      {31'980, 0.4000005},
                      {47'190, 0.11715814107877161},
                      {62'399, 1.0005332744463633e-06}});
  const SyncPlan& rounds = plan.schedule.plan;
  const auto expect_first_round_of = [&](Step period, Step first, std::int64_t before) {
    const auto found = std::ranges::find(rounds.stretches(), period, &Stretch::period);
    ASSERT_NE(found, rounds.stretches().end()) << period;
    EXPECT_EQ(found->first, first) << period;
    EXPECT_EQ(rounds.rounds_before(first), before) << period;
  };
  expect_first_round_of(4, 0, 0);
  expect_first_round_of(5, 49'196, 12'299);
  expect_first_round_of(8, 50'710, 12'562);
  expect_first_round_of(10, 51'368, 12'640);
  expect_first_round_of(16, 52'628, 12'745);
  expect_first_round_of(784, 58'736, 12'871);
  expect_first_round_of(2'051, 59'520, 12'872);
  EXPECT_EQ(rounds.stretches().back(), (Stretch{61'571, 829, 1}));
  EXPECT_EQ(plan.bytes, 12'874 * bytes_of_average(16));
  EXPECT_EQ(plan.bytes_of_sgd, 62'400 * bytes_of_average(16));
}

}  // namespace
}  // namespace drift
