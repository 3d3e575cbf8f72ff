// --profile on a CUDA device: the steps of the rounds that it chooses, with all operations of each, captured or not,
// and the same bits as without it.
#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <string>
#include <tuple>

#include "tests/support/require_gpu.h"
#include "tests/support/temp_directory.h"
#include "tests/train/toy_run.h"
#include "train/schedule/profiled_steps.h"

namespace drift::testing {
namespace {

constexpr int kWorkers = 2;

class CudaProfile : public ::testing::Test {
 protected:
  void SetUp() override { DRIFT_NEEDS_GPU(); }

  // Six synchronous steps, six rounds of two.
  static TrainConfig config() {
    TrainConfig config = toy_config(kWorkers, 2, 18);
    config.machine.device = "cuda:0";
    config.model.norm = "group";
    config.sync.algorithm = Algorithm::kPostLocal;
    config.sync.switch_step = 6;
    return config;
  }

  RecordedSession profiled(TrainConfig config, std::int64_t every, const ToyRun& plain) {
    config.machine.profile_every = every;
    const TempDirectory directory;
    ProfileFile file(directory / "profile", {});
    Trainer trainer(config, data_);
    trainer.profile_into(file);
    StepLog log;
    run_to(trainer, 11, log);  // as if there were an evaluation
    run_to(trainer, 18, log);
    expect_same_bits({.steps = log.steps, .workers = trainer.checkpoint().workers}, plain);
    return read_profile_file(directory / "profile").at(0);
  }

  const DataSource data_ = toy_data(48);
  const SyncPlan plan_ = make_schedule(config(), 1).plan;
};

// By part, layer and operation; without what is brought home and checked every now and then.
using Calls = std::map<std::tuple<std::string, std::string, std::string>, int>;

Calls calls_of(const RecordedSession& session, const ProfiledStep& step) {
  Calls calls;
  for (const ProfiledCall& call : step.calls) {
    const ProfiledOp& op = session.ops[static_cast<std::size_t>(call.op)];
    if (op.part != "other") ++calls[{op.part, op.layer, op.op}];
  }
  return calls;
}

// One after the other, inside the step and inside their part of it.
void expect_in_order(const RecordedSession& session, const ProfiledStep& step) {
  Nanoseconds before = 0;
  for (const ProfiledCall& call : step.calls) {
    EXPECT_LE(before, call.time.begin);
    EXPECT_LE(call.time.begin, call.time.end);
    before = call.time.end;
    const std::string& part = session.ops[static_cast<std::size_t>(call.op)].part;
    if (part != "forward" && part != "backward") continue;
    const auto span = std::ranges::find(step.parts, part, &ProfiledPart::name);
    ASSERT_NE(span, step.parts.end()) << part;
    EXPECT_LE(span->time.begin, call.time.begin);
    EXPECT_GE(span->time.end, call.time.end);
  }
  EXPECT_LE(before, step.duration);
  EXPECT_GT(before, 0);
}

// A wait is where its part of the step is.
void expect_wait(const ProfiledStep& step) {
  ASSERT_EQ(step.waits.size(), step.sync == Sync::kNone ? 0u : 1u);
  if (step.sync == Sync::kNone) return;
  const ProfiledWait& wait = step.waits[0];
  const char* const part = step.sync == Sync::kGradients ? "average gradients" : "average parameters";
  const auto span = std::ranges::find(step.parts, part, &ProfiledPart::name);
  ASSERT_NE(span, step.parts.end());
  EXPECT_EQ(wait.time.begin, span->time.begin);
  EXPECT_EQ(wait.time.end, span->time.end);
  EXPECT_GE(wait.elements, 75'000) << "parameters of ResNet-8";
  EXPECT_GT(wait.bytes, 0);
}

TEST_F(CudaProfile, AReplayedStepHasTheOperationsOfOneThatWasEnqueued) {
  const RecordedSession session = profiled(config(), 2, run_toy(config(), data_));
  std::map<std::pair<Sync, int>, std::vector<const ProfiledStep*>> steps;  // by kind and worker
  for (const ProfiledStep& step : session.steps) {
    EXPECT_TRUE(is_profiled(plan_, step.step, 2)) << step.step;
    steps[{step.sync, step.worker}].push_back(&step);
  }
  ASSERT_EQ(steps.size(), 3u * kWorkers);
  for (const auto& [kind, of_kind] : steps) {
    SCOPED_TRACE(std::string(name_of(kind.first)));
    ASSERT_EQ(of_kind.size(), 3u);
    const Calls enqueued = calls_of(session, *of_kind[0]);
    int convolutions = 0;
    for (const auto& [of, count] : enqueued) convolutions += std::get<2>(of) == "conv2d_forward" ? count : 0;
    EXPECT_EQ(convolutions, 7) << "of ResNet-8";
    for (const ProfiledStep* step : of_kind) {
      SCOPED_TRACE(step->step);
      EXPECT_TRUE(calls_of(session, *step) == enqueued);
      // The last step of a round is captured, as the local one before it was enqueued, and replayed from then on.
      const bool captured = kind.first == Sync::kGradients && step == of_kind[1];
      EXPECT_EQ(step->first, step == of_kind[0] || captured);
      expect_in_order(session, *step);
      expect_wait(*step);
    }
  }
}

// Each kernel of a step's graph is its operation's: of an update one for each range of the arenas, in every replay.
// Times are those between the marks around it.
TEST_F(CudaProfile, KernelsAreThoseOfTheOperationsThatWereCaptured) {
  TrainConfig with_kernels = config();
  with_kernels.machine.profile_kernels = true;
  const RecordedSession session = profiled(with_kernels, 1, run_toy(config(), data_));
  std::map<std::int64_t, std::int64_t> calls, launches;  // by operation
  std::map<std::int64_t, Nanoseconds> in_calls, in_kernels;
  std::set<std::pair<Sync, int>> enqueued;
  for (const ProfiledStep& step : session.steps) {
    // The first synchronous step and the first local one, not the last of a round behind it, ran as they were enqueued.
    if (enqueued.emplace(step.sync, step.worker).second && step.sync != Sync::kParameters) continue;
    for (const ProfiledCall& call : step.calls) {
      ++calls[call.op];
      in_calls[call.op] += call.time.length();
    }
  }
  for (const ProfiledKernel& kernel : session.kernels) {
    launches[kernel.op] += kernel.launches;
    in_kernels[kernel.op] += kernel.duration;
  }
  int convolutions = 0, updates = 0;
  for (std::size_t i = 0; i < session.ops.size(); ++i) {
    const auto id = static_cast<std::int64_t>(i);
    const ProfiledOp& op = session.ops[i];
    SCOPED_TRACE(fmt::format("{} {} {}", op.part, op.layer, op.op));
    if (op.op != "conv2d_forward" && op.op != "sgd_update") continue;
    op.op == "sgd_update" ? ++updates : ++convolutions;
    EXPECT_EQ(launches[id], calls[id]);
    EXPECT_GT(launches[id], 0);
    EXPECT_GT(in_kernels[id], 0);
    EXPECT_LE(in_kernels[id], in_calls[id]);
  }
  EXPECT_EQ(convolutions, 7) << "of ResNet-8";
  EXPECT_GT(updates, 0);
  EXPECT_TRUE(std::ranges::any_of(session.kernels, [](const ProfiledKernel& kernel) {
    return kernel.name.find("SgdStep") != std::string::npos;
  })) << "names are those of C++";
}

TEST_F(CudaProfile, StepsWithoutGraphsAreRecordedToo) {
  TrainConfig without = config();
  without.machine.graphs = false;
  const RecordedSession session = profiled(without, 1, run_toy(without, data_));
  ASSERT_EQ(session.steps.size(), 18u * kWorkers);
  for (const ProfiledStep& step : session.steps) expect_in_order(session, step);
}

}  // namespace
}  // namespace drift::testing
