// Whole runs of the engine, in one process or several (toy_team.h), against plain loops in double precision: random K,
// H, switch, batch, optimizer, policies and a random place where the run is stopped and resumed. A mistake in what is
// averaged, when, or in what order shows as a difference far larger than rounding.
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

#include "core/rng.h"
#include "tests/oracles/simulation.h"
#include "tests/support/seed.h"
#include "tests/train/toy_run.h"
#include "tests/train/toy_team.h"

namespace drift {
namespace {

using testing::StepLog;

// How far float32 may be from double, relative to the whole of what is compared. With group norm and SiLU all is
// smooth, and what rounding leaves is about 10 eps after a run (seen over 200 random runs: at most 9e-7). With batch
// norm over few values, a ReLU that rounding pushes across zero changes one gradient by a finite amount: it hardly
// moves the parameters (seen: 4e-5), but a momentum buffer may hold little else than the last gradient (seen: 7e-3).
struct Tolerance {
  double state;  // losses, parameters, running statistics
  double momentum;
};
Tolerance tolerance_for(const TrainConfig& config) {
  return config.model.norm == "group" ? Tolerance{1e-5, 1e-5} : Tolerance{1e-3, 5e-2};
}

// |a - b| / |b| in the Euclidean norm; 0 where there is nothing to compare.
double relative_difference(const std::vector<float>& a, const std::vector<double>& b) {
  EXPECT_EQ(a.size(), b.size());
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
    norm += b[i] * b[i];
  }
  return difference == 0 ? 0 : std::sqrt(difference / norm);
}

struct Draws {
  Rng rng;
  std::uint64_t next = 0;
  int below(int n) { return static_cast<int>(rng.below(next++, static_cast<std::uint32_t>(n))); }
  bool coin() { return below(2) == 1; }
};

// With what goes with it.
void delay(TrainConfig& config, Step steps) {
  config.sync.fragment_delay = steps;
  config.sync.periods = {std::max(config.sync.periods[0], steps * config.sync.fragments + 1)};
  config.sync.outer = {};
  config.sync.scope = {};
}

void levels(TrainConfig& config, Step in_node, Step of_all) {
  const int processes = testing::shared_workers(1);
  if (config.sync.workers / processes % 2 != 0 || config.sync.workers == 2) return;
  config.sync.node_workers = 2;
  config.sync.periods_by_level = {in_node, of_all};
  config.sync.periods = {1};
  config.sync.fragments = 1;
}

TrainConfig draw_config(Draws& draws, Step steps) {
  TrainConfig config = testing::toy_config(testing::shared_workers(1 + draws.below(4)), 1 + draws.below(4), steps);
  config.model.norm = draws.coin() ? "batch" : "group";
  config.sync.local_batch = (config.model.norm == "batch" ? 4 : 1) + draws.below(4);
  config.sync.final_average = draws.coin();
  if (draws.coin()) {
    config.sync.algorithm = Algorithm::kPostLocal;
    config.sync.switch_step = draws.below(static_cast<int>(steps));
  }
  config.sync.scope.momentum = static_cast<MomentumSync>(draws.below(3));
  config.sync.scope.batch_norm = draws.coin() ? BatchNormPolicy::kAverage : BatchNormPolicy::kReestimate;
  config.sync.outer.kind = static_cast<Outer>(draws.below(4));
  config.sync.fragments = 1 + draws.below(2) * draws.below(5);
  if (config.sync.outer.kind != Outer::kNone) config.sync.outer = {config.sync.outer.kind, 0.7, 0.8};
  switch (draws.below(4)) {
    case 0:
      delay(config, 1 + draws.below(2));
      break;
    case 1:
      levels(config, 1 + draws.below(3), 1 + draws.below(3));
      break;
    default:
      break;
  }
  config.data.sampling = static_cast<Sampling>(draws.below(3));
  config.data.label_noise = 0.25 * draws.below(2);
  config.data.label_smoothing = 0.1 * draws.below(2);
  config.data.augmentation = draws.coin() ? Augmentation::kPadCropFlip : Augmentation::kNone;
  config.lr.lr = 0.02;
  config.lr.shape = LrShape::kCosine;
  config.optimizer = {
      .momentum = 0.45 * draws.below(3), .nesterov = false, .weight_decay = 1e-2, .decay_norm_and_bias = draws.coin()};
  config.optimizer.nesterov = config.optimizer.momentum > 0 && draws.coin();
  config.optimizer.clip_grad_norm = 0.5 * draws.below(2);
  config.seed = static_cast<std::uint64_t>(draws.below(1000));
  return config;
}

std::string text_of(const TrainConfig& c, Step cut) {
  return fmt::format(
      "seed={}: K {} H {} fragments {} delay {} switch {} batch {} momentum {} nesterov {} clip {} policy {} outer {} "
      "bn {} "
      "norm {} "
      "smoothing {} cut "
      "{}",
      testing::seed(), c.sync.workers, c.sync.periods[0], c.sync.fragments, c.sync.fragment_delay,
      c.sync.switch_step.value_or(0), c.sync.local_batch, c.optimizer.momentum, c.optimizer.nesterov,
      c.optimizer.clip_grad_norm, static_cast<int>(c.sync.scope.momentum), static_cast<int>(c.sync.outer.kind),
      static_cast<int>(c.sync.scope.batch_norm), c.model.norm, c.data.label_smoothing, cut);
}

struct Differences {
  double losses = 0, values = 0, momentum = 0, buffers = 0;
  // In units of what is allowed: at most 1 is good.
  double largest(const Tolerance& allowed) const {
    return std::max(std::max({losses, values, buffers}) / allowed.state, momentum / allowed.momentum);
  }
};

// What all replicas of a run start from, in memory that the oracle can read.
std::unique_ptr<Model> first_model(const TrainConfig& config) {
  const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
  const std::unique_ptr<Backend> backend = make_backend(*stream);
  std::unique_ptr<Model> model = make_model(config.model);
  model->parameters.allocate(*backend, /*with_training_state=*/false);
  model->parameters.initialise(*backend, config.seed);
  return model;
}

// The engine with `config`, cut in two at `cut`, against the oracle with `oracle_config`.
Differences compare(const TrainConfig& config, const TrainConfig& oracle_config, Step cut) {
  const DataSource data = testing::toy_data(48);
  const sim::Simulation expected = sim::simulate(oracle_config, data, first_model(config)->parameters);
  StepLog log;
  Checkpoint middle;
  {
    Trainer first(config, data, testing::toy_membership(config.sync.workers));
    testing::run_to(first, cut, log);
    middle = first.checkpoint();
  }
  const Membership membership = testing::toy_membership(config.sync.workers);
  Trainer second(config, data, membership);
  second.restore(middle);
  testing::run_to(second, second.schedule().total_steps, log);

  Differences largest;
  const std::vector<double> losses = testing::losses(testing::steps_of_all(log.steps, membership));
  EXPECT_EQ(losses.size(), expected.losses.size());
  for (std::size_t i = 0; i < losses.size(); ++i) {
    largest.losses = std::max(largest.losses, std::abs(losses[i] - expected.losses[i]));
  }
  const std::vector<ReplicaState> workers = testing::states_of_all(second.checkpoint().workers, membership);
  for (std::size_t k = 0; k < workers.size(); ++k) {
    const sim::Replica& replica = expected.replicas[k];
    largest.values = std::max(largest.values, relative_difference(workers[k].values, replica.values));
    largest.momentum = std::max(largest.momentum, relative_difference(workers[k].momentum, replica.momentum));
    largest.buffers = std::max(largest.buffers, relative_difference(workers[k].buffers, replica.buffers));
  }
  return largest;
}

TEST(Oracle, EngineRunsAreThePlainLoops) {
  Draws draws{Rng(testing::seed(), stream_id(Purpose::kTest, 1))};
  for (int round = 0; round < 8; ++round) {
    const Step steps = 6;
    const TrainConfig config = draw_config(draws, steps);
    const Step cut = draws.below(static_cast<int>(steps) + 1);
    const Differences d = compare(config, config, cut);
    EXPECT_LT(d.largest(tolerance_for(config)), 1)
        << text_of(config, cut) << "\nlosses " << d.losses << " parameters " << d.values << " momentum " << d.momentum
        << " statistics " << d.buffers;
  }
}

// What the tolerance does not let pass.
TEST(Oracle, SeesEveryMistakeInWhatIsAveraged) {
  TrainConfig smooth = testing::toy_config(testing::shared_workers(3), 2, 6);
  smooth.model.norm = "group";
  smooth.lr.lr = 0.02;
  smooth.sync.algorithm = Algorithm::kPostLocal;
  smooth.sync.switch_step = 2;
  const auto expect_seen = [&](const char* mistake, const TrainConfig& config, const auto& change) {
    TrainConfig wrong = config;
    change(wrong);
    EXPECT_GT(compare(config, wrong, 3).largest(tolerance_for(config)), 10) << mistake;
  };
  expect_seen("period", smooth, [](TrainConfig& c) { c.sync.periods = {4}; });
  expect_seen("switch", smooth, [](TrainConfig& c) { c.sync.switch_step = 4; });
  expect_seen("fragments", smooth, [](TrainConfig& c) { c.sync.fragments = 2; });
  expect_seen("delay", smooth, [](TrainConfig& c) { c.sync.fragment_delay = 1; });
  expect_seen("momentum averaged", smooth, [](TrainConfig& c) { c.sync.scope.momentum = MomentumSync::kAverage; });
  expect_seen("momentum reset", smooth, [](TrainConfig& c) { c.sync.scope.momentum = MomentumSync::kReset; });
  const auto outer = [](Outer which, double lr, double momentum) {
    return [=](TrainConfig& c) { c.sync.outer = {which, lr, momentum}; };
  };
  expect_seen("outer rate", smooth, outer(Outer::kSgd, 0.9, 0));
  expect_seen("outer momentum", smooth, outer(Outer::kSgd, 1, 0.5));
  smooth.lr.shape = LrShape::kCosine;
  smooth.sync.outer = {Outer::kSlowMo, 0.7, 0.8};
  expect_seen("momentum of ways, not of rates of travel", smooth, outer(Outer::kSgd, 0.7, 0.8));
  expect_seen("looking ahead", smooth, outer(Outer::kNesterov, 0.7, 0.8));
  smooth.sync.outer = {};
  smooth.lr.shape = LrShape::kConstant;
  expect_seen("weight decay", smooth, [](TrainConfig& c) { c.optimizer.weight_decay = 0.02; });
  expect_seen("decayed biases", smooth, [](TrainConfig& c) { c.optimizer.decay_norm_and_bias = true; });
  expect_seen("nesterov", smooth, [](TrainConfig& c) { c.optimizer.nesterov = true; });
  expect_seen("clipping", smooth, [](TrainConfig& c) { c.optimizer.clip_grad_norm = 0.5; });
  expect_seen("sampling seed", smooth, [](TrainConfig& c) { c.seed = 2; });
  TrainConfig with_statistics = smooth;
  with_statistics.model.norm = "batch";
  expect_seen("statistics averaged", with_statistics,
              [](TrainConfig& c) { c.sync.scope.batch_norm = BatchNormPolicy::kAverage; });
}

}  // namespace
}  // namespace drift
