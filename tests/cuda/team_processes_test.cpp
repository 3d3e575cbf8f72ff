// drift train in two processes on two emulated GPUs, over NCCL: the bits of one process, by mpirun and with torchrun's
// variables; and whatever fails ends both, with the reason.
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <string>

#include "tests/apps/run_files.h"
#include "tests/cuda/emulated_process.h"
#include "tests/support/temp_directory.h"
#include "train/runs/profile_file.h"

namespace drift::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEnd = "ckpt/step-8";

class TeamOnGpus : public ::testing::Test {
 protected:
  std::string train(const fs::path& out) const {
    return "train -q --model cifar-resnet8 --data shapes:160:24 --workers 2 --local-batch 8 --algo post-local "
           "--switch-step 3 --period 2 --steps 8 --momentum 0.9 --bn-stats reestimate:4 --eval-batch 8 --comm-timeout "
           "20 "
           "--out " +
           out.string();
  }
  Outcome launch(const fs::path& out, const std::string& environment, const std::string& more = "") const {
    return run_emulated(DRIFT_PROGRAM " launch -n 2 -- " + train(out) + more, "EMU_DEVICES=2 " + environment,
                        (directory_ / "said").string());
  }
  // Of both processes' steps that end with an average, replayed ones among them.
  static void expect_waits(const fs::path& run) {
    for (const int process : {0, 1}) {
      const RecordedSession session = read_profile_file(profile_path(run, process)).at(0);
      ASSERT_EQ(session.steps.size(), 8u) << process;
      for (const ProfiledStep& step : session.steps) {
        ASSERT_EQ(step.waits.size(), step.sync == Sync::kNone ? 0u : 1u) << step.step;
        if (step.sync == Sync::kNone) continue;
        EXPECT_GT(step.waits[0].bytes, 300'000) << "parameters of ResNet-8";
        EXPECT_GT(step.waits[0].time.length(), 0);
      }
      EXPECT_FALSE(session.steps.back().first);
      EXPECT_FALSE(session.session.on_cpu());
    }
  }
  Outcome run_alone(const fs::path& out) const {
    return run_emulated(DRIFT_PROGRAM " " + train(out), "", (directory_ / "said").string());
  }
  TempDirectory directory_;
};

// Of four workers, two in each process: gradients, exchange and update of a synchronous step, from the second on; at
// the end of a round, update and average of the parameters. Averages after backward are launched one by one there.
TEST_F(TeamOnGpus, LaunchesOneGraphForAStepThatEndsWithAnAverage) {
  struct Case {
    const char* options;
    int launches, graphs;
  };
  for (const Case& one : {Case{"--algo sgd", 7, 1}, Case{"--algo local --period 1", 7, 1},
                          Case{"--algo local --period 1 --no-overlap", 14, 2}}) {
    SCOPED_TRACE(one.options);
    std::string command = train(directory_ / "run");
    command.replace(command.find("--workers 2"), 11, "--workers 4");
    command.replace(command.find("--algo post-local --switch-step 3 --period 2"), 44, one.options);
    std::string both;
    for (const int rank : {1, 0}) {
      both += fmt::format(
          "EMU_COUNT_CALLS={} WORLD_SIZE=2 MASTER_ADDR=localhost MASTER_PORT=29877 RANK={} " DRIFT_PROGRAM " {} {}",
          (directory_ / fmt::format("calls{}", rank)).string(), rank, command, rank == 1 ? "& " : "; wait $!");
    }
    const Outcome outcome =
        run_emulated("bash -c '" + both + "'", "EMU_DEVICES=2 EMU_RACE=1", (directory_ / "said").string());
    ASSERT_EQ(outcome.status, 0) << outcome.text;
    for (const char* calls : {"calls0", "calls1"}) {
      std::map<std::string, int> count = calls_counted((directory_ / calls).string());
      EXPECT_EQ(count["cudaGraphLaunch"], one.launches) << calls;
      EXPECT_EQ(count["cudaGraphInstantiate"], one.graphs) << calls;
    }
    fs::remove_all(directory_ / "run");
  }
}

TEST_F(TeamOnGpus, ARunMayMoveToAnotherGpuButNotToAnotherKindOfDevice) {
  const fs::path whole = directory_ / "whole";
  const Outcome outcome =
      run_emulated(DRIFT_PROGRAM " " + train(whole) + " --steps-per-epoch 4 --checkpoint-every 1 --keep-checkpoints 0",
                   "", (directory_ / "said").string());
  ASSERT_EQ(outcome.status, 0) << outcome.text;
  EXPECT_NE(bytes_of(whole / "config.toml").find("\ndevice = \"cuda\""), std::string::npos) << "what auto stood for";
  const auto go_on = [&](const std::string& out, const std::string& more) {
    return run_emulated(fmt::format(DRIFT_PROGRAM " train -q --resume {} --out {} {}", (whole / "ckpt/step-4").string(),
                                    (directory_ / out).string(), more),
                        "EMU_DEVICES=2", (directory_ / "said").string());
  };
  const Outcome moved = go_on("moved", "--device cuda:1");
  ASSERT_EQ(moved.status, 0) << moved.text;
  expect_same_checkpoint(whole / kEnd, directory_ / "moved" / kEnd);
  const Outcome refused = go_on("cpu", "--device cpu");
  EXPECT_EQ(refused.status, 2) << refused.text;
  EXPECT_NE(refused.text.find("the run computed on cuda, here it would on cpu"), std::string::npos) << refused.text;
  const Outcome branch = go_on("cpu", "--change device --device cpu");
  EXPECT_EQ(branch.status, 0) << branch.text;
  EXPECT_NE(bytes_of(directory_ / "cpu/branch.json").find("\"device\""), std::string::npos);
}

TEST_F(TeamOnGpus, HasTheBitsOfOneProcess) {
  const fs::path whole = directory_ / "whole";
  const Outcome alone = run_alone(whole);
  ASSERT_EQ(alone.status, 0) << alone.text;
  for (const char* more : {"", " --profile-every 1"}) {
    SCOPED_TRACE(more);
    const fs::path team = directory_ / "team";
    const Outcome outcome =
        launch(team, *more == 0 ? "EMU_RACE=1" : "EMU_RACE=1 EMU_SEED=7 EMU_NCCL_DELAY=1:2:200", more);
    ASSERT_EQ(outcome.status, 0) << outcome.text;
    expect_same_checkpoint(whole / kEnd, team / kEnd);
    if (*more != 0) expect_waits(team);
    fs::remove_all(team);
  }
  const fs::path torchrun = directory_ / "torchrun";
  const std::string rank = "WORLD_SIZE=2 MASTER_ADDR=localhost MASTER_PORT=29876 RANK={} " DRIFT_PROGRAM " {}";
  const std::string both = fmt::format("{} & {}; wait $!", fmt::format(fmt::runtime(rank), 1, train(torchrun)),
                                       fmt::format(fmt::runtime(rank), 0, train(torchrun)));
  const Outcome outcome = run_emulated("bash -c '" + both + "'", "EMU_DEVICES=2", (directory_ / "said").string());
  ASSERT_EQ(outcome.status, 0) << outcome.text;
  expect_same_checkpoint(whole / kEnd, torchrun / kEnd);
}

// A plan that is built while NCCL waits for the other process may wait for NCCL.
TEST_F(TeamOnGpus, BuildsEveryPlanBeforeTheFirstStep) {
  std::string command = train(directory_ / "run") + " --explain-plans --batch-norm cudnn --nccl-multiprocessors 16";
  command.erase(command.find("-q "), 3);
  command.replace(command.find("--eval-batch 8"), 14, "--eval-batch 7");  // 7, 7, 7 and 3 images
  const Outcome outcome =
      run_emulated(DRIFT_PROGRAM " launch -n 2 -- " + command, "EMU_DEVICES=2", (directory_ / "said").string());
  ASSERT_EQ(outcome.status, 0) << outcome.text;
  const std::size_t last_plan = std::max(outcome.text.rfind("conv2d_"), outcome.text.rfind("batch_norm_"));
  EXPECT_LT(last_plan, outcome.text.find("step 1/8")) << outcome.text;
  EXPECT_NE(outcome.text.find("conv2d_forward fp32 nhwc x [3,32,32,3]"), std::string::npos) << outcome.text;
  EXPECT_NE(outcome.text.find("residual relu running on 116 multiprocessors"), std::string::npos) << outcome.text;
}

TEST_F(TeamOnGpus, WhateverFailsEndsBoth) {
  struct Case {
    const char *environment, *text;
  };
  for (const Case& one :
       {Case{"EMU_NCCL_LOSE=1:3", "NCCL: remote process exited"}, Case{"EMU_NCCL_DIE=1:3", "process 1: it is gone"},
        Case{"EMU_NCCL_DIE=0:3", "process 0: it is gone"}, Case{"EMU_FAIL=ncclSend:3", "ncclSend"},
        Case{"EMU_FAIL=ncclRecv:3", "ncclRecv"}, Case{"EMU_FAIL=ncclGroupStart:3", "ncclGroupStart"},
        Case{"EMU_FAIL=ncclGroupEnd:4", "ncclGroupEnd"}, Case{"EMU_FAIL=ncclGetUniqueId:1", "ncclGetUniqueId"},
        Case{"EMU_FAIL=ncclCommInitRankConfig:1", "ncclCommInitRankConfig"},
        Case{"EMU_FAIL=ncclMemAlloc:1", "ncclMemAlloc"}, Case{"EMU_FAIL=ncclMemAlloc:1:1", "out of memory"},
        Case{"EMU_FAIL=ncclCommRegister:2", "ncclCommRegister"}, Case{"EMU_FAIL=ncclCommGetAsyncError:9", "NCCL"}}) {
    SCOPED_TRACE(one.environment);
    const fs::path run = directory_ / "run";
    const Outcome outcome = launch(run, one.environment);
    EXPECT_TRUE(outcome.status == 6 || outcome.status == 5 || outcome.status == 1)  // 5: no memory; 1: who died
        << outcome.status << outcome.text;
    EXPECT_NE(outcome.text.find(std::string(": drift: ")), std::string::npos) << outcome.text;
    EXPECT_NE(outcome.text.find(one.text), std::string::npos) << outcome.text;
    fs::remove_all(run);
  }
}

TEST_F(TeamOnGpus, BatchNormsOfCudnnAreRefusedWhereAnAverageCouldHoldWhatTheyWaitFor) {
  const std::string command = train(directory_ / "run") + " --batch-norm cudnn";
  const auto outcome = [&](const char* more) {
    return run_emulated(DRIFT_PROGRAM " launch -n 2 -- " + command + more, "EMU_DEVICES=2",
                        (directory_ / "said").string());
  };
  const Outcome refused = outcome("");
  EXPECT_EQ(refused.status, 3) << refused.text;
  EXPECT_NE(refused.text.find("give NCCL some (--nccl-multiprocessors 16), or --no-overlap"), std::string::npos)
      << refused.text;
  EXPECT_EQ(outcome(" --no-overlap").status, 0);
}

TEST_F(TeamOnGpus, MoreProcessesThanGpusAreRefused) {
  const Outcome outcome = run_emulated(DRIFT_PROGRAM " launch -n 2 -- " + train(directory_ / "run"), "EMU_DEVICES=1",
                                       (directory_ / "said").string());
  EXPECT_EQ(outcome.status, 5) << outcome.text;
  EXPECT_NE(outcome.text.find("process 1 is number 2 of this machine, which has 1 GPUs"), std::string::npos)
      << outcome.text;
}

}  // namespace
}  // namespace drift::testing
