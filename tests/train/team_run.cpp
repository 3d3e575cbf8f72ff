#include "tests/train/team_run.h"

#include <gtest/gtest.h>
#include <vector>

#include "tests/support/seed.h"
#include "tests/train/random_config.h"
#include "tests/train/toy_run.h"

namespace drift::testing {
namespace {

std::vector<float> averaged_values(Trainer& trainer) {
  const Model& model = trainer.averaged_model();
  std::vector<float> values(model.parameters.values().begin(), model.parameters.values().end());
  values.insert(values.end(), model.parameters.buffers().begin(), model.parameters.buffers().end());
  return values;
}

// What one process makes of all workers: after `cut` steps and at the end.
struct Whole {
  Checkpoint middle, end;
  std::vector<float> averaged;
  EvalRecord evaluation;
};

Whole run_alone(const TrainConfig& config, const DataSource& data, Step cut) {
  StepLog log;
  Trainer trainer(config, data);
  run_to(trainer, cut, log);
  Whole whole;
  whole.middle = trainer.checkpoint();
  run_to(trainer, trainer.schedule().total_steps, log);
  whole.end = trainer.checkpoint();
  whole.averaged = averaged_values(trainer);
  whole.evaluation = trainer.evaluate();
  return whole;
}

void expect_same(Trainer& trainer, const Team& team, const Whole& whole) {
  const std::vector<ReplicaState> states = trainer.checkpoint().workers;
  ASSERT_EQ(std::ssize(states), team.local_workers());
  for (int place = 0; place < team.local_workers(); ++place) {
    const int worker = team.first_worker() + place;
    EXPECT_EQ(states[static_cast<std::size_t>(place)], whole.end.workers[static_cast<std::size_t>(worker)])
        << "worker " << worker;
  }
  EXPECT_EQ(averaged_values(trainer), whole.averaged);
  const EvalRecord evaluation = trainer.evaluate();
  EXPECT_EQ(evaluation.loss, whole.evaluation.loss);
  EXPECT_EQ(evaluation.correct, whole.evaluation.correct);
}

}  // namespace

void check_runs(const std::shared_ptr<Transport>& transport) {
  const DataSource data = toy_data(96);
  const int processes = transport->processes();
  std::uint64_t round = 0;
  for (const int local : {1, 2, 4}) {
    if (processes * local > 8) break;
    const Team team{.workers = processes * local, .processes = processes, .process = transport->process()};
    for (int turn = 0; turn < 3; ++turn) {
      const TrainConfig config = random_config(team.workers, ++round);
      const Step cut = 1 + static_cast<Step>(round % 6);
      SCOPED_TRACE(fmt::format("seed={} round {}: K {} in {} processes, H {}, process {}, cut at {}", seed(), round,
                               team.workers, processes, config.sync.periods[0], team.process, cut));
      const Whole whole = run_alone(config, data, cut);
      StepLog log;
      Trainer uninterrupted(config, data, {team, transport});
      run_to(uninterrupted, uninterrupted.schedule().total_steps, log);
      expect_same(uninterrupted, team, whole);
      Trainer resumed(config, data, {team, transport});
      resumed.restore(whole.middle);
      run_to(resumed, resumed.schedule().total_steps, log);
      expect_same(resumed, team, whole);
    }
  }
}

}  // namespace drift::testing
