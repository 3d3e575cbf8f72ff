// The laws of parallel, local and post-local SGD, on whole runs of the engine, in one process or several (toy_team.h).
// How the bits do not depend on the machinery around the algorithm (resuming, threads, evaluations):
// invariance_test.cpp.
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

#include "comm/averaging.h"
#include "comm/collective.h"
#include "core/rng.h"
#include "core/thread_team.h"
#include "tests/reference/sgd.h"
#include "tests/support/learning_rate.h"
#include "tests/support/seed.h"
#include "tests/train/toy_run.h"
#include "tests/train/toy_team.h"

namespace drift {
namespace {

using testing::expect_same_bits;
using testing::largest_difference;
using testing::losses;
using testing::run_toy;
using testing::shared_workers;
using testing::states_of_all;
using testing::synchronous;
using testing::toy_config;
using testing::toy_data;
using testing::toy_device;
using testing::toy_membership;
using testing::ToyRun;

// Arenas of all workers, as the reference's mean over them.
std::vector<float> mean_of(const std::vector<ReplicaState>& workers, std::vector<float> ReplicaState::*arena) {
  std::vector<std::vector<float>> replicas;
  for (const ReplicaState& worker : workers) replicas.push_back(worker.*arena);
  return reference::tree_average(std::move(replicas));
}

// A loop without plan, communicator or threads.
ToyRun plain_sgd(const TrainConfig& config, const DataSource& data, const Schedule& schedule) {
  const Sampler sampler({.sampling = config.data.sampling,
                         .seed = config.seed,
                         .dataset_size = data.train->size(),
                         .workers = 1,
                         .local_batch = config.sync.local_batch});
  const Device device = toy_device();
  LoaderPool loading(0);
  Worker worker(config, 0, data, sampler, device, 1, loading);
  MemoryPool pool(device);
  ToyRun run;
  for (Step step = 0; step < schedule.total_steps; ++step) {
    worker.forward_backward(worker.next_batch(), schedule.lr.at(step), pool);
    run.steps.push_back({.step = step, .loss = worker.take_result().loss});
    worker.update();
  }
  const ParameterSet& p = worker.parameters();
  run.workers.push_back({.values = downloaded(p.values(), worker.backend()),
                         .momentum = downloaded(p.momentum(), worker.backend()),
                         .buffers = downloaded(p.buffers(), worker.backend())});
  return run;
}

TEST(Laws, OneWorkerIsPlainSgdUnderAnyPlan) {
  const DataSource data = toy_data(24);
  TrainConfig post_local = toy_config(1, 3, 8);
  post_local.sync.algorithm = Algorithm::kPostLocal;
  post_local.sync.switch_step = 2;
  TrainConfig averaging = toy_config(1, 2, 8);
  averaging.sync.scope = {.momentum = MomentumSync::kAverage, .batch_norm = BatchNormPolicy::kAverage};
  const TrainConfig sgd = synchronous(toy_config(1, 1, 8));
  const ToyRun plain = plain_sgd(sgd, data, make_schedule(sgd, data.train->size() / sgd.sync.local_batch));
  EXPECT_LT(plain.steps.back().loss, plain.steps.front().loss);
  for (const TrainConfig& config : {sgd, toy_config(1, 3, 8), post_local, averaging}) {
    expect_same_bits(run_toy(config, data), plain);
  }
}

TEST(Laws, ReplicasAreEqualAfterAParameterAverageAndOnlyThen) {
  const DataSource data = toy_data(24);
  const Membership membership = toy_membership(shared_workers(3));
  Trainer trainer(toy_config(shared_workers(3), 4, 8), data, membership);
  testing::StepLog log;
  for (Step step = 1; step <= 8; ++step) {
    testing::run_to(trainer, step, log);
    const auto workers = states_of_all(trainer.checkpoint().workers, membership);
    const bool averaged = trainer.schedule().plan.at(step - 1) == Sync::kParameters;
    EXPECT_EQ(averaged, step % 4 == 0);
    EXPECT_EQ(workers[0].values == workers[1].values, averaged) << "step " << step;
    EXPECT_EQ(workers[0].values == workers[2].values, averaged) << "step " << step;
  }
}

TEST(Laws, SynchronousReplicasStayEqualInParametersAndMomentum) {
  const ToyRun run = run_toy(synchronous(toy_config(shared_workers(3), 1, 4)), toy_data(24));
  for (const ReplicaState& worker : run.workers) {
    EXPECT_TRUE(worker.values == run.workers[0].values);
    EXPECT_TRUE(worker.momentum == run.workers[0].momentum);
  }
  EXPECT_FALSE(run.workers[1].buffers == run.workers[0].buffers);  // statistics follow each worker's own batches
}

// SGD with momentum and coupled weight decay is linear in the gradient, so with H = 1 the mean of the updated replicas
// is the update by the mean gradient; momentum buffers differ between workers, their mean does not. What remains is
// rounding: each step rounds w, v and g a few times, an error of about 4 eps (|w| + lr |v|) < 16 eps for values below
// 2, which later steps amplify. The bound allows them a factor of 100; H = 2 differs by more than ten times the bound.
TEST(Laws, PeriodOneIsGradientAveragingUpToRounding) {
  const DataSource data = toy_data(64);
  for (const bool nesterov : {false, true}) {
    TrainConfig config = toy_config(4, 1, 4);
    config.optimizer.nesterov = nesterov;
    const ToyRun local = run_toy(config, data);
    const ToyRun gradients = run_toy(synchronous(config), data);
    config.sync.periods = {2};
    const ToyRun longer = run_toy(config, data);

    const double bound = 100 * 16 * 0x1p-24;
    EXPECT_LT(largest_difference(local.workers[0].values, gradients.workers[0].values), bound);
    EXPECT_LT(largest_difference(mean_of(local.workers, &ReplicaState::momentum), gradients.workers[0].momentum),
              bound);
    EXPECT_FALSE(local.workers[0].momentum == local.workers[1].momentum);
    EXPECT_GT(largest_difference(longer.workers[0].values, gradients.workers[0].values), 10 * bound);
  }
}

// Without momentum and decay a clipped step is lr X long. Two workers' gradients differ in direction: the mean of two
// that were clipped one by one is shorter.
TEST(Laws, AStepIsClippedByTheNormOfTheGradientThatItIsMadeWith) {
  const DataSource data = toy_data(24);
  TrainConfig local = toy_config(shared_workers(2), 4, 1);
  local.lr.lr = 0.5;
  local.optimizer = {.clip_grad_norm = 0.25};
  TrainConfig unmoved = local;
  unmoved.lr.lr = 1e-30;
  const std::vector<float> start = run_toy(unmoved, data).workers[0].values;
  const auto length = [&](const std::vector<float>& end) {
    double squares = 0;
    for (std::size_t i = 0; i < end.size(); ++i) squares += (double{end[i]} - start[i]) * (double{end[i]} - start[i]);
    return std::sqrt(squares);
  };
  const ToyRun apart = run_toy(local, data), together = run_toy(synchronous(local), data);
  for (const ReplicaState& worker : apart.workers) EXPECT_NEAR(length(worker.values), 0.5 * 0.25, 1e-5);
  for (const ReplicaState& worker : together.workers) EXPECT_NEAR(length(worker.values), 0.5 * 0.25, 1e-5);
  EXPECT_LT(length(mean_of(apart.workers, &ReplicaState::values)), 0.9 * 0.5 * 0.25);
}

// One worker's part of a toy with nothing but parameters: gradients are small integers, rates powers of two, so that no
// operation rounds and both sides of the law must be equal exactly.
class DyadicToy {
 public:
  DyadicToy(int worker, std::shared_ptr<MemorySource> memory)
      : worker_(worker), stream_(make_stream(toy_device(), 1)), backend_(make_backend(*stream_)) {
    set_.add_parameter("w", {kSize / 2, 2}, ParameterRole::kLinearWeight, {.value = 1});
    set_.add_parameter("b", {kSize}, ParameterRole::kLinearBias, {.value = -2});
    set_.allocate(*backend_, /*with_training_state=*/true, std::move(memory));
    set_.initialise(*backend_, 1);
  }

  std::vector<float> run(Sync sync, Communicator& comm) {
    for (std::uint64_t step = 0; step < 3; ++step) {
      const Rng rng(testing::seed(), stream_id(Purpose::kTest, step, static_cast<std::uint64_t>(worker_)));
      std::vector<float> gradients(set_.gradients().size());
      for (std::size_t i = 0; i < gradients.size(); ++i) gradients[i] = static_cast<float>(rng.below(i, 17)) - 8;
      backend_->upload(gradients.data(), as_tensor(set_.gradients()));
      if (sync == Sync::kGradients) comm.all_reduce_mean(set_.gradients(), *backend_);
      sgd_.update(*backend_, set_, testing::LearningRate(*backend_, 0.25f).view());
      if (sync == Sync::kParameters) comm.all_reduce_mean(set_.values(), *backend_);
    }
    return downloaded(set_.values(), *backend_);
  }

 private:
  static constexpr std::int64_t kSize = 34;
  int worker_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<Backend> backend_;
  ParameterSet set_;
  Sgd sgd_{.momentum = 0.5f, .weight_decay = 0.25f, .nesterov = true};
};

// What the workers of this process end with.
std::vector<std::vector<float>> run_dyadic(Sync sync, int workers) {
  const Membership membership = toy_membership(workers);
  const auto communicators = make_communicators(membership);
  std::vector<std::vector<float>> results(communicators.size());
  ThreadTeam("the workers", static_cast<int>(communicators.size()), [&](int place, const std::stop_token&) {
    const auto i = static_cast<std::size_t>(place);
    results[i] = DyadicToy(communicators[i]->worker(), membership.memory()).run(sync, *communicators[i]);
  });
  return results;
}

TEST(Laws, PeriodOneIsGradientAveragingExactlyOnDyadicInputs) {
  for (const int least : {2, 4, 8}) {
    const int workers = shared_workers(least);
    const auto gradients = run_dyadic(Sync::kGradients, workers);
    EXPECT_EQ(run_dyadic(Sync::kParameters, workers), gradients) << workers << " workers";
    EXPECT_NE(run_dyadic(Sync::kNone, workers), gradients);
  }
}

TEST(Laws, WorkersFedTheSameDataAreOneWorker) {
  const DataSource once = toy_data(24);
  for (const int least : {2, 4}) {
    const int workers = shared_workers(least);
    TrainConfig config = toy_config(workers, 3, 6);
    config.data.sampling = Sampling::kSequential;
    config.data.augmentation = Augmentation::kNone;
    const DataSource repeated = testing::repeated_for_workers(once, workers, config.sync.local_batch);
    TrainConfig alone = config;
    alone.sync.workers = 1;
    const ToyRun one = run_toy(alone, once);
    for (const TrainConfig& plan : {config, synchronous(config)}) {
      const ToyRun many = run_toy(plan, repeated);
      EXPECT_EQ(losses(many.steps), losses(one.steps));
      for (const ReplicaState& worker : many.workers) EXPECT_TRUE(worker == one.workers[0]) << workers << " workers";
    }
  }
}

TEST(Laws, BytesOnTheWireEqualTheFormula) {
  const DataSource data = toy_data(24);
  const int workers = shared_workers(3);
  TrainConfig config = toy_config(workers, 3, 8);
  config.sync.algorithm = Algorithm::kPostLocal;
  config.sync.switch_step = 2;
  config.sync.scope = {.momentum = MomentumSync::kAverage, .batch_norm = BatchNormPolicy::kAverage};
  const ToyRun run = run_toy(config, data);
  const auto all_reduce = [&](const std::vector<float>& arena) {
    return workers * bytes_on_wire(Collective::kAllReduceMean, std::ssize(arena), workers);
  };
  const ReplicaState& worker = run.workers[0];
  const std::int64_t gradients = all_reduce(worker.values);
  const std::int64_t round_end = 2 * all_reduce(worker.values) + all_reduce(worker.buffers);
  const std::vector<std::int64_t> expected{gradients, gradients, 0, 0, round_end, 0, 0, round_end};
  ASSERT_EQ(run.steps.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(run.steps[i].bytes, expected[i]) << "step " << i;
}

// Up to the end of the first round all policies do the same, so what they leave can be told from what `keep` leaves.
TEST(Laws, MomentumPoliciesDoWhatTheySay) {
  const DataSource data = toy_data(24);
  const auto after_a_round = [&](MomentumSync policy) {
    TrainConfig config = toy_config(shared_workers(3), 2, 2);
    config.sync.scope.momentum = policy;
    return run_toy(config, data).workers;
  };
  const auto keep = after_a_round(MomentumSync::kKeep);
  const auto average = after_a_round(MomentumSync::kAverage);
  const auto reset = after_a_round(MomentumSync::kReset);
  const std::vector<float> mean = mean_of(keep, &ReplicaState::momentum);
  EXPECT_FALSE(keep[0].momentum == keep[1].momentum);
  for (std::size_t k = 0; k < keep.size(); ++k) {
    EXPECT_TRUE(average[k].momentum == mean) << "worker " << k;
    EXPECT_TRUE(reset[k].momentum == std::vector<float>(mean.size(), 0.0f)) << "worker " << k;
    EXPECT_TRUE(average[k].values == keep[k].values && reset[k].values == keep[k].values) << "worker " << k;
  }
}

TEST(Laws, BatchNormStatisticsAreAveragedOnlyWhenAsked) {
  const DataSource data = toy_data(24);
  const auto after_a_round = [&](BatchNormPolicy policy) {
    TrainConfig config = toy_config(shared_workers(3), 2, 2);
    config.sync.scope.batch_norm = policy;
    return run_toy(config, data).workers;
  };
  const auto local = after_a_round(BatchNormPolicy::kLocal);
  const auto average = after_a_round(BatchNormPolicy::kAverage);
  const auto reestimate = after_a_round(BatchNormPolicy::kReestimate);
  const std::vector<float> mean = mean_of(local, &ReplicaState::buffers);
  EXPECT_FALSE(local[0].buffers == local[1].buffers);
  for (std::size_t k = 0; k < local.size(); ++k) {
    EXPECT_TRUE(average[k].buffers == mean) << "worker " << k;
    EXPECT_TRUE(reestimate[k].buffers == local[k].buffers) << "worker " << k;
  }
}

}  // namespace
}  // namespace drift
