// The K workers between two stretches of training: one beginning, states out and in, weights from a file.
#include "train/replicas.h"

#include <algorithm>
#include <gtest/gtest.h>

#include "tests/support/error_of.h"
#include "tests/support/temp_directory.h"
#include "tests/train/toy_run.h"
#include "train/checkpoint/weight_file.h"

namespace drift {
namespace {

using testing::toy_config;
using testing::toy_data;

TEST(Replicas, BeginEqual) {
  const DataSource data = toy_data(40);
  const TrainConfig config = toy_config(3, 4, 8);
  const Replicas replicas(config, data, {.workers = config.sync.workers}, Device{}, ThreadLayout{});
  const std::vector<ReplicaState> states = replicas.states();
  ASSERT_EQ(states.size(), 3u);
  EXPECT_EQ(states[0], states[1]);
  EXPECT_EQ(states[0], states[2]);
  EXPECT_NE(states[0].values, std::vector<float>(states[0].values.size(), 0.0f));
}

TEST(Replicas, TakeBackTheStatesTheyGave) {
  const DataSource data = toy_data(40);
  const TrainConfig config = toy_config(2, 4, 8);
  Replicas replicas(config, data, {.workers = config.sync.workers}, Device{}, ThreadLayout{});
  std::vector<ReplicaState> states = replicas.states();
  for (std::size_t k = 0; k < states.size(); ++k) {
    states[k].values.front() = static_cast<float>(k + 1);
    states[k].momentum.back() = static_cast<float>(k + 2);
    states[k].buffers.front() = static_cast<float>(k + 3);
  }
  replicas.restore(states);
  EXPECT_EQ(replicas.states(), states);
}

void expect_refusal(Trainer& trainer, const Checkpoint& checkpoint, const char* says) {
  const Error error = testing::error_of([&] { trainer.restore(checkpoint); });
  EXPECT_EQ(error.kind(), ErrorKind::kCheckpoint);
  EXPECT_TRUE(error.message().find(says) != std::string::npos) << error.message();
}

// A branch may have one that its run did not have.
TEST(Replicas, AnOuterOptimizerBeginsBetweenTwoRounds) {
  const DataSource data = toy_data(40);
  TrainConfig config = toy_config(2, 4, 8);
  testing::StepLog log;
  Trainer before(config, data);
  testing::run_to(before, 3, log);
  const Checkpoint inside = before.checkpoint();
  testing::run_to(before, 4, log);
  const Checkpoint between = before.checkpoint();

  config.sync.outer = {Outer::kSgd, 0.7, 0.9};
  Trainer branch(config, data);
  expect_refusal(branch, inside, "step 3 is from inside a round");
  branch.restore(between);
  testing::run_to(branch, 6, log);
  const Checkpoint with_state = branch.checkpoint();
  EXPECT_EQ(with_state.workers[0].round_start, between.workers[0].values);
  EXPECT_EQ(with_state.workers[0].outer_momentum, std::vector<float>(between.workers[0].values.size(), 0.0f));

  config.sync.fragments = 2;
  Trainer by_parts(config, data);
  expect_refusal(by_parts, with_state, "a branch with --outer keeps --fragments");
  config.sync.fragments = 1;

  config.sync.outer = {};
  Trainer without(config, data);  // and one may end
  without.restore(with_state);
  EXPECT_TRUE(without.checkpoint().workers[0].round_start.empty());
}

bool has_none(const std::vector<float>& arena) {
  return std::ranges::all_of(arena, [](float value) { return value == 0; });
}

// It is of gradients before the switch and of ways behind it: at the switch it is nothing to go on with.
TEST(Replicas, WhatRoundingLeftOutIsKeptAsLongAsTheSameTravels) {
  const DataSource data = toy_data(40);
  TrainConfig config = toy_config(2, 2, 8);
  config.sync.algorithm = Algorithm::kPostLocal;
  config.sync.switch_step = 3;
  config.sync.wire.type = DType::kBFloat16;
  testing::StepLog log;
  Trainer trainer(config, data);
  testing::run_to(trainer, 3, log);
  const Checkpoint of_gradients = trainer.checkpoint();
  testing::run_to(trainer, 4, log);
  EXPECT_TRUE(has_none(trainer.checkpoint().workers[0].wire_error)) << "inside the first round";
  testing::run_to(trainer, 5, log);
  const Checkpoint of_ways = trainer.checkpoint();
  const std::vector<float>& left = of_ways.workers[0].wire_error;
  EXPECT_FALSE(has_none(of_gradients.workers[0].wire_error));
  EXPECT_FALSE(has_none(left));

  Trainer resumed(config, data);
  resumed.restore(of_ways);
  EXPECT_EQ(resumed.checkpoint().workers, of_ways.workers);
  TrainConfig plain = config;
  plain.sync.wire = {};
  Trainer without(plain, data);
  without.restore(of_ways);
  testing::run_to(without, 6, log);
  const Checkpoint inside = without.checkpoint();
  EXPECT_TRUE(inside.workers[0].wire_error.empty());
  Trainer compressing(config, data);
  expect_refusal(compressing, inside, "A branch with --wire bf16 can begin at a checkpoint between two rounds");
}

TEST(Replicas, AnAverageOnItsWayIsInACheckpointAndNotLost) {
  const DataSource data = toy_data(40);
  TrainConfig config = toy_config(2, 4, 12);
  config.sync.fragment_delay = 2;
  Trainer trainer(config, data);
  testing::StepLog log;
  testing::run_to(trainer, 4, log);
  const Checkpoint on_its_way = trainer.checkpoint();
  testing::run_to(trainer, 6, log);
  const Checkpoint mixed_in = trainer.checkpoint();
  EXPECT_EQ(on_its_way.workers[0].delayed.size(), on_its_way.workers[0].values.size());
  EXPECT_FALSE(on_its_way.workers[0].delayed == on_its_way.workers[1].delayed);
  EXPECT_TRUE(mixed_in.workers[0].delayed.empty());

  TrainConfig without = config;
  without.sync.fragment_delay = 0;
  Trainer branch(without, data);
  expect_refusal(branch, on_its_way, "at step 4 of the checkpoint an average is on its way");
  branch.restore(mixed_in);
  without.sync.outer = {Outer::kSgd, 0.7, 0.9};
  Trainer with_outer(without, data);
  expect_refusal(with_outer, mixed_in, "of a run with --fragment-delay");
}

TEST(Replicas, AllLoadTheSameWeightsAndForgetTheirMomentum) {
  const testing::TempDirectory directory;
  const DataSource data = toy_data(40);
  const TrainConfig config = toy_config(2, 4, 8);
  Replicas source(config, data, {.workers = 2}, Device{}, ThreadLayout{});
  std::vector<ReplicaState> states = source.states();
  // A parameter's own elements: the padding between two parameters is not in the file.
  const auto weight = static_cast<std::size_t>(source.parameters(0).parameters().front()->offset());
  states[0].values[weight] = 7;
  source.restore(states);
  write_weights(directory / "weights.safetensors", source.worker(0).model(), source.worker(0).backend());

  Replicas replicas(config, data, {.workers = config.sync.workers}, Device{}, ThreadLayout{});
  std::vector<ReplicaState> moving = replicas.states();
  for (ReplicaState& state : moving) state.momentum.assign(state.momentum.size(), 1.0f);
  replicas.restore(moving);
  replicas.load_weights(directory / "weights.safetensors");
  for (const ReplicaState& state : replicas.states()) {
    EXPECT_EQ(state.values, states[0].values);
    EXPECT_EQ(state.buffers, states[0].buffers);
    EXPECT_EQ(state.momentum, std::vector<float>(state.momentum.size(), 0.0f));
  }
}

}  // namespace
}  // namespace drift
