#include "tests/train/team_run.h"

#include <gtest/gtest.h>
#include <vector>

#include "comm/job.h"
#include "data/hold_out.h"
#include "tests/support/seed.h"
#include "tests/train/hooked_dataset.h"
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
  std::vector<StepRecord> steps;
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
  whole.steps = log.steps;
  whole.averaged = averaged_values(trainer);
  whole.evaluation = trainer.evaluate();
  return whole;
}

// The states of this process's workers are theirs in a checkpoint of all.
void expect_states(const Trainer& trainer, const Team& team, const Checkpoint& whole) {
  const std::vector<ReplicaState> states = trainer.checkpoint().workers;
  ASSERT_EQ(std::ssize(states), team.local_workers());
  for (int place = 0; place < team.local_workers(); ++place) {
    const int worker = team.first_worker() + place;
    EXPECT_EQ(states[static_cast<std::size_t>(place)], whole.workers[static_cast<std::size_t>(worker)])
        << "worker " << worker;
  }
}

// Process 0 has the records of all steps from `first` on, the others none.
void expect_records(const StepLog& log, const Team& team, const Whole& whole, Step first) {
  if (team.process != 0) {
    EXPECT_TRUE(log.steps.empty());
    return;
  }
  ASSERT_EQ(std::ssize(log.steps), std::ssize(whole.steps) - first);
  for (std::size_t i = 0; i < log.steps.size(); ++i) {
    const StepRecord& expected = whole.steps[static_cast<std::size_t>(first) + i];
    EXPECT_EQ(log.steps[i].step, expected.step);
    EXPECT_EQ(log.steps[i].loss, expected.loss) << "step " << expected.step;
    EXPECT_EQ(log.steps[i].top1, expected.top1) << "step " << expected.step;
    EXPECT_EQ(log.steps[i].bytes, expected.bytes) << "step " << expected.step;
    EXPECT_EQ(log.steps[i].samples, expected.samples);
  }
}

void expect_same(Trainer& trainer, const Team& team, const Whole& whole) {
  expect_states(trainer, team, whole.end);
  EXPECT_EQ(averaged_values(trainer), whole.averaged);
  const EvalRecord evaluation = trainer.evaluate();
  EXPECT_EQ(evaluation.loss, whole.evaluation.loss);
  EXPECT_EQ(evaluation.correct, whole.evaluation.correct);
  EXPECT_EQ(evaluation.correct_top5, whole.evaluation.correct_top5);
  ASSERT_TRUE(evaluation.validation);
  EXPECT_EQ(evaluation.validation->loss, whole.evaluation.validation->loss);
  EXPECT_EQ(evaluation.validation->correct, whole.evaluation.validation->correct);
  EXPECT_EQ(evaluation.validation->correct_top5, whole.evaluation.validation->correct_top5);
}

// A control channel of which a test can see that it holds the workers back.
class WatchedControl final : public Control, ControlListener {
 public:
  explicit WatchedControl(std::shared_ptr<Control> inner) : inner_(std::move(inner)) {}

  void wait_until_held() const { held_.wait(false); }

  std::vector<std::string> gather(std::string_view what, std::string_view value) override {
    return inner_->gather(what, value);
  }
  void listen(ControlListener* listener) override {
    listener_ = listener;
    inner_->listen(listener == nullptr ? nullptr : this);
  }
  void request_stop() noexcept override { inner_->request_stop(); }
  void tell(std::string message) noexcept override { inner_->tell(std::move(message)); }
  void fail(ErrorKind kind, std::string_view message) noexcept override { inner_->fail(kind, message); }
  TeamFailure first_failure() override { return inner_->first_failure(); }

 private:
  Step hold() override {
    const Step step = listener_->hold();
    held_ = true;
    held_.notify_all();
    return step;
  }
  void leave_at(Step step) override { listener_->leave_at(step); }
  void failed(const TeamFailure& failure) override { listener_->failed(failure); }
  void told(int process, std::string_view message) override { listener_->told(process, message); }

  std::shared_ptr<Control> inner_;
  ControlListener* listener_ = nullptr;
  std::atomic<bool> held_ = false;
};

Checkpoint of_process(const Checkpoint& whole, const Team& team) {
  Checkpoint part{whole.meta, {}};
  for (int place = 0; place < team.local_workers(); ++place) {
    part.workers.push_back(whole.workers[static_cast<std::size_t>(team.first_worker() + place)]);
  }
  return part;
}

// Calls check(membership, round) a few times for each number of workers per process. Each time has a job of its own.
template <class Check>
void for_each_team(const MakeJob& make_job, const Check& check) {
  std::uint64_t round = 0;
  for (const int local : {1, 2, 4}) {
    for (int turn = 0; turn < 3; ++turn) {
      const Job job = make_job();
      if (job.processes * local > 8) return;
      const Membership membership = job.team_of(job.processes * local);
      ++round;
      SCOPED_TRACE(fmt::format("seed={} round {}: K {} in {} processes, process {}", seed(), round,
                               membership.team.workers, job.processes, job.process));
      check(membership, round);
      job.control->gather("next", "");  // what one tells now is of the next round
    }
  }
}

}  // namespace

void check_runs(const MakeJob& make_job) {
  const DataSource data = hold_out(toy_data(110), 14, seed());
  for_each_team(make_job, [&](const Membership& membership, std::uint64_t round) {
    const Team& team = membership.team;
    TrainConfig config = random_config(team.workers, round);
    if (team.local_workers() % config.sync.node_workers != 0) {  // a node lies in one process
      config.sync.node_workers = 1;
      config.sync.periods_by_level.clear();
    }
    const Step cut = 1 + static_cast<Step>(round % 6);
    SCOPED_TRACE(fmt::format("H {}, cut at {}", config.sync.periods[0], cut));
    const Whole whole = run_alone(config, data, cut);
    {
      StepLog log;
      Trainer uninterrupted(config, data, membership);
      run_to(uninterrupted, uninterrupted.schedule().total_steps, log);
      expect_same(uninterrupted, team, whole);
      expect_records(log, team, whole, 0);
    }
    membership.control->gather("resumed", "");
    StepLog log;
    Trainer resumed(config, data, membership);
    resumed.restore(of_process(whole.middle, team));
    run_to(resumed, resumed.schedule().total_steps, log);
    expect_same(resumed, team, whole);
    expect_records(log, team, whole, cut);
  });
}

void check_stops(const MakeJob& make_job) {
  for_each_team(make_job, [&](Membership membership, std::uint64_t round) {
    const Team& team = membership.team;
    constexpr Step kSteps = 16, kPeriod = 12;
    TrainConfig config = toy_config(team.workers, kPeriod, kSteps);
    config.data.sampling = Sampling::kSequential;
    const auto asks = static_cast<int>((seed() + round) % static_cast<std::uint64_t>(team.processes));
    const auto at = static_cast<Step>((seed() / 7 + round) % (kPeriod - 3));
    const auto watched = std::make_shared<WatchedControl>(membership.control);
    membership.control = watched;
    std::atomic<bool> stop = false;
    DataSource data = toy_data(kSteps * team.workers * config.sync.local_batch);
    data.train = std::make_unique<HookedDataset>(std::move(data.train), [&](std::int64_t index) {
      const Step step = index / config.sync.global_batch();
      if (step == at && team.process == asks) stop = true;
      if (step > at) watched->wait_until_held();  // however long the request takes
    });
    Trainer trainer(config, data, membership);
    StepLog log;
    const Step end = trainer.run(kSteps, log, stop);
    EXPECT_TRUE(trainer.stopped());
    EXPECT_GT(end, at) << "process " << asks << " was asked in step " << at;
    EXPECT_LE(end, at + 2);
    EXPECT_EQ(std::ssize(log.steps), team.process == 0 ? end : 0);
    agree(*watched, "end", std::to_string(end));
    StepLog ignored;
    const DataSource same = toy_data(data.train->size());
    Trainer alone(config, same);
    run_to(alone, end, ignored);
    expect_states(trainer, team, alone.checkpoint());
    EXPECT_EQ(trainer.run(kSteps, log, stop), end) << "it leaves for good";
  });
}

}  // namespace drift::testing
