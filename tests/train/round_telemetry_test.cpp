// What is measured of rounds, against the parameters themselves: those of workers that nobody averages are those in
// front of the average.
#include <cmath>
#include <gtest/gtest.h>
#include <vector>

#include "tests/train/toy_run.h"

namespace drift {
namespace {

using testing::run_to;
using testing::StepLog;
using testing::toy_config;
using testing::toy_data;

constexpr int kWorkers = 3;
constexpr Step kPeriod = 4;

using Vector = std::vector<double>;

std::vector<Vector> parameters_of(const Trainer& trainer) {
  std::vector<Vector> parameters;
  for (const ReplicaState& worker : trainer.checkpoint().workers) {
    parameters.emplace_back(worker.values.begin(), worker.values.end());
  }
  return parameters;
}

Vector mean_of(const std::vector<Vector>& vectors) {
  Vector mean(vectors.front().size());
  for (std::size_t i = 0; i < mean.size(); ++i) {
    for (const Vector& vector : vectors) mean[i] += vector[i] / static_cast<double>(vectors.size());
  }
  return mean;
}

double product(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

Vector difference(const Vector& a, const Vector& b) {
  Vector result(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) result[i] = a[i] - b[i];
  return result;
}

std::vector<RoundRecord> rounds_of(const TrainConfig& config, const DataSource& data) {
  StepLog log;
  Trainer trainer(config, data);
  run_to(trainer, trainer.schedule().total_steps, log);
  return log.rounds;
}

TEST(RoundTelemetry, IsThatOfTheParameters) {
  const DataSource data = toy_data(96);
  StepLog log;
  Trainer trainer(toy_config(kWorkers, kPeriod, 2 * kPeriod), data);
  const Vector begin = parameters_of(trainer).front();
  run_to(trainer, kPeriod, log);
  const Vector averaged = parameters_of(trainer).front();
  ASSERT_EQ(log.rounds.size(), 1u);
  const RoundRecord& round = log.rounds.front();

  Trainer never(toy_config(kWorkers, 1000, kPeriod), data);
  StepLog unused;
  run_to(never, kPeriod, unused);
  const std::vector<Vector> apart = parameters_of(never);
  const Vector mean = mean_of(apart);
  double consensus = 0, update_norms = 0, cosine = 0;
  for (const Vector& worker : apart) {
    const Vector distance = difference(worker, mean), update = difference(worker, begin);
    consensus += product(distance, distance) / kWorkers;
    update_norms += product(update, update) / kWorkers;
    for (const Vector& other : apart) {
      if (&other != &worker) cosine += product(update, difference(other, begin)) / (kWorkers * (kWorkers - 1));
    }
  }
  const Vector moved = difference(averaged, begin);
  EXPECT_NEAR(round.consensus, consensus, 1e-4 * consensus);
  EXPECT_NEAR(round.relative_consensus, consensus / product(mean, mean), 1e-4 * round.relative_consensus);
  ASSERT_TRUE(round.update && round.cosine);
  EXPECT_NEAR(*round.update, std::sqrt(product(moved, moved)), 1e-4 * *round.update);
  EXPECT_NEAR(*round.cosine, cosine / update_norms, 1e-3);
  EXPECT_EQ(round.step, kPeriod - 1);
  EXPECT_EQ(round.round, 0);
  EXPECT_EQ(round.period, kPeriod);
  EXPECT_EQ(round.loss, log.steps.back().loss);

  run_to(trainer, 2 * kPeriod, log);
  ASSERT_EQ(log.rounds.size(), 2u);
  const Vector onward = difference(parameters_of(trainer).front(), averaged);
  EXPECT_NEAR(*log.rounds[1].update, std::sqrt(product(onward, onward)), 1e-4 * *log.rounds[1].update);
  EXPECT_EQ(log.rounds[1].round, 1);
}

TEST(RoundTelemetry, ChangesNoBit) {
  const DataSource data = toy_data(96);
  TrainConfig config = toy_config(kWorkers, 2, 7);
  config.sync.scope.momentum = MomentumSync::kAverage;
  const testing::ToyRun with = testing::run_toy(config, data);
  config.sync.telemetry = false;
  testing::expect_same_bits(with, testing::run_toy(config, data));
  EXPECT_TRUE(rounds_of(config, data).empty());
}

TEST(RoundTelemetry, IsOfRoundsAlone) {
  const DataSource data = toy_data(96);
  EXPECT_TRUE(rounds_of(testing::synchronous(toy_config(kWorkers, 2, 6)), data).empty());
  EXPECT_TRUE(rounds_of(toy_config(1, 2, 6), data).empty()) << "of one worker there is nothing to tell";
  TrainConfig config = toy_config(kWorkers, 2, 8);
  config.sync.algorithm = Algorithm::kPostLocal;
  config.sync.switch_step = 3;
  const std::vector<RoundRecord> rounds = rounds_of(config, data);
  ASSERT_EQ(rounds.size(), 2u);
  EXPECT_EQ(rounds[0].step, 4);
  EXPECT_TRUE(rounds[0].update) << "from the replicas of the synchronous steps on";
  EXPECT_EQ(rounds[1].step, 6);
}

// With H = 1 several are on their way at once.
TEST(RoundTelemetry, OfEveryStep) {
  const std::vector<RoundRecord> rounds = rounds_of(toy_config(kWorkers, 1, 12), toy_data(96));
  ASSERT_EQ(rounds.size(), 12u);
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    EXPECT_EQ(rounds[i].step, static_cast<Step>(i));
    EXPECT_TRUE(rounds[i].update && *rounds[i].update > 0);
  }
}

TEST(RoundTelemetry, WhoGoesOnInTheMiddleOfARoundDoesNotKnowWhereItBegan) {
  const DataSource data = toy_data(96);
  const TrainConfig config = toy_config(kWorkers, kPeriod, 3 * kPeriod);
  const std::vector<RoundRecord> whole = rounds_of(config, data);
  for (const Step cut : {kPeriod, kPeriod + 1}) {
    StepLog log;
    Trainer first(config, data);
    run_to(first, cut, log);
    Trainer second(config, data);
    second.restore(first.checkpoint());
    StepLog rest;
    run_to(second, 3 * kPeriod, rest);
    ASSERT_EQ(rest.rounds.size(), 2u);
    EXPECT_EQ(rest.rounds[0].consensus, whole[1].consensus);
    EXPECT_EQ(rest.rounds[0].update.has_value(), cut == kPeriod);
    EXPECT_EQ(rest.rounds[1].update, whole[2].update);
  }
}

}  // namespace
}  // namespace drift
