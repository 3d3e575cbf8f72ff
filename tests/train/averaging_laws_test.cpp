// The laws of what may become of an average (docs/local_sgd.md, section 4): two levels, bfloat16 on the wire, delay, an
// outer optimizer. As laws_test.cpp, in one process or several.
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <utility>

#include "tests/reference/sgd.h"
#include "tests/train/toy_run.h"
#include "tests/train/toy_team.h"

namespace drift {
namespace {

using testing::expect_same_bits;
using testing::largest_difference;
using testing::run_toy;
using testing::shared_workers;
using testing::states_of_all;
using testing::synchronous;
using testing::toy_config;
using testing::toy_data;
using testing::toy_membership;
using testing::ToyRun;

// H2 = 1: every average within nodes would be one of all.
TEST(Laws, OneRoundOfNodesIsOneOfAllWorkers) {
  const DataSource data = toy_data(40);
  TrainConfig config = toy_config(2 * shared_workers(2), 3, 7);
  const ToyRun local = run_toy(config, data);
  config.sync.periods = {1};
  config.sync.node_workers = 2;
  config.sync.periods_by_level = {3, 1};
  expect_same_bits(run_toy(config, data), local);
}

TEST(Laws, WorkersOfANodeAreEqualAfterItsAverages) {
  const DataSource data = toy_data(40);
  const Membership membership = toy_membership(2 * shared_workers(2));
  TrainConfig config = toy_config(membership.team.workers, 1, 8);
  config.sync.node_workers = 2;
  config.sync.periods_by_level = {2, 2};
  Trainer trainer(config, data, membership);
  testing::StepLog log;
  for (Step step = 1; step <= 8; ++step) {
    testing::run_to(trainer, step, log);
    const auto workers = states_of_all(trainer.checkpoint().workers, membership);
    EXPECT_EQ(workers[0].values == workers[1].values, step % 2 == 0) << "step " << step;
    EXPECT_EQ(workers[2].values == workers[3].values, step % 2 == 0) << "step " << step;
    EXPECT_EQ(workers[0].values == workers[2].values, step % 4 == 0) << "step " << step;
  }
}

// What each worker has before anything is averaged: the same run, whose round is longer.
std::vector<ReplicaState> before_an_average(TrainConfig config, const DataSource& data) {
  config.sync.algorithm = Algorithm::kLocal;
  config.sync.periods = {100};
  config.sync.final_average = false;
  config.sync.wire = {};
  return run_toy(config, data).workers;
}

// Of parameters as bfloat16 the way travels, element by element as the reference says; what it loses is kept.
TEST(Laws, AsBFloat16TheWayOfARoundTravels) {
  const DataSource data = toy_data(24);
  TrainConfig config = toy_config(shared_workers(3), 4, 4);
  config.sync.wire.type = DType::kBFloat16;
  std::vector<ReplicaState> workers = before_an_average(config, data);
  TrainConfig unmoved = config;
  unmoved.length.steps = 1;
  unmoved.lr.lr = 0;
  const std::vector<float> start = before_an_average(unmoved, data)[0].values;
  std::vector<std::vector<float>> sent, left;
  for (ReplicaState& worker : workers) {
    left.emplace_back(start.size());
    reference::compress(start, left.back(), worker.values);
    sent.push_back(worker.values);
  }
  std::vector<float> mean = reference::rounded_tree_average(std::move(sent));
  for (std::size_t i = 0; i < mean.size(); ++i) mean[i] = start[i] + mean[i];
  for (const bool feedback : {false, true}) {
    config.sync.wire.error_feedback = feedback;
    const ToyRun run = run_toy(config, data);
    for (std::size_t k = 0; k < left.size(); ++k) {
      EXPECT_TRUE(run.workers[k].values == mean) << "worker " << k;
      EXPECT_TRUE(run.workers[k].round_start == start);
      EXPECT_TRUE(run.workers[k].wire_error == (feedback ? left[k] : std::vector<float>())) << "worker " << k;
    }
  }
}

// Without decay the momentum of a first step is the gradient that it was made with.
TEST(Laws, AsBFloat16GradientsTravelAndAreRounded) {
  const DataSource data = toy_data(24);
  TrainConfig config = synchronous(toy_config(shared_workers(3), 1, 1));
  config.optimizer.weight_decay = 0;
  config.sync.wire.type = DType::kBFloat16;
  std::vector<std::vector<float>> sent, left;
  for (ReplicaState& worker : before_an_average(config, data)) {
    left.emplace_back(worker.momentum.size());
    reference::compress({}, left.back(), worker.momentum);
    sent.push_back(worker.momentum);
  }
  const std::vector<float> mean = reference::rounded_tree_average(std::move(sent));
  for (const bool feedback : {false, true}) {
    config.sync.wire.error_feedback = feedback;
    const ToyRun run = run_toy(config, data);
    for (std::size_t k = 0; k < left.size(); ++k) {
      EXPECT_TRUE(run.workers[k].momentum == mean) << "worker " << k;
      EXPECT_TRUE(run.workers[k].wire_error == (feedback ? left[k] : std::vector<float>())) << "worker " << k;
    }
  }
}

// Of one worker what is mixed in is nothing; of several it is not the average, and differs with the delay.
TEST(Laws, ADelayOfOneWorkersAveragesIsNone) {
  const DataSource data = toy_data(24);
  for (const int workers : {shared_workers(1), shared_workers(3)}) {
    TrainConfig config = toy_config(workers, 4, 12);
    const ToyRun at_once = run_toy(config, data);
    config.sync.fragment_delay = 2;
    const ToyRun late = run_toy(config, data);
    if (workers == 1) {
      expect_same_bits(late, at_once);
    } else {
      EXPECT_FALSE(late.workers[0].values == at_once.workers[0].values);
      for (const ReplicaState& worker : late.workers) {
        EXPECT_TRUE(worker.values == late.workers[0].values) << "the last average is at once";
      }
    }
  }
}

TEST(Laws, AnOuterRateOfOneWithoutMomentumIsLocalSgd) {
  const DataSource data = toy_data(24);
  TrainConfig config = toy_config(shared_workers(3), 2, 8);
  config.sync.algorithm = Algorithm::kPostLocal;
  config.sync.switch_step = 2;
  const ToyRun local = run_toy(config, data);
  for (const Outer outer : {Outer::kSgd, Outer::kSlowMo}) {
    config.sync.outer.kind = outer;
    ToyRun run = run_toy(config, data);
    for (ReplicaState& worker : run.workers) {
      EXPECT_FALSE(worker.round_start == worker.values);
      worker.round_start.clear();
      worker.outer_momentum.clear();
    }
    expect_same_bits(run, local);
  }
}

// With one worker whose rounds are a step long, without momentum of its own: the way of a round is -lr g, and the outer
// momentum is the optimizer's. Up to rounding.
TEST(Laws, OuterMomentumOfRoundsOfOneStepIsMomentum) {
  const DataSource data = toy_data(24);
  for (const bool nesterov : {false, true}) {
    TrainConfig inner = toy_config(1, 1, 6), outer = inner;
    inner.optimizer.nesterov = nesterov;
    outer.optimizer.momentum = 0;
    outer.sync.outer = {nesterov ? Outer::kNesterov : Outer::kSgd, 1, inner.optimizer.momentum};
    const ToyRun want = run_toy(inner, data), got = run_toy(outer, data);
    EXPECT_LT(largest_difference(got.workers[0].values, want.workers[0].values), 100 * 16 * 0x1p-24);
    outer.sync.outer.kind = nesterov ? Outer::kSgd : Outer::kNesterov;
    if (nesterov) outer.sync.outer.momentum = 0.5;
    EXPECT_GT(largest_difference(run_toy(outer, data).workers[0].values, want.workers[0].values), 1e-3);
  }
}

}  // namespace
}  // namespace drift
