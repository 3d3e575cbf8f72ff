// Several programs that want one run at the same time, and a run that goes on with fewer cores than it began with.
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <future>
#include <gtest/gtest.h>
#include <sched.h>

#include "core/json_lines.h"
#include "tests/apps/program.h"
#include "tests/apps/run_files.h"
#include "tests/apps/run_with_fault.h"
#include "tests/apps/tiny_run.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {
namespace {

namespace fs = std::filesystem;

using Arguments = std::vector<std::string>;

constexpr int kPrograms = 4;

class Claims : public ::testing::Test {
 protected:
  static Arguments begin(const fs::path& run) {
    return train_into(run, {"--steps-per-epoch", "4", "--checkpoint-every", "1"});
  }
  // All at once. Returns those that did not end with 0.
  static std::vector<Outcome> refused(const Arguments& arguments) {
    std::vector<std::future<Outcome>> programs;
    for (int i = 0; i < kPrograms; ++i) {
      programs.push_back(std::async(std::launch::async, [&] { return run_drift(arguments); }));
    }
    std::vector<Outcome> refused;
    for (std::future<Outcome>& program : programs) {
      Outcome outcome = program.get();
      if (outcome.exit_code != 0) refused.push_back(std::move(outcome));
    }
    return refused;
  }
  static bool names_holder(const Outcome& outcome) {
    return outcome.err.find("is in use by process ") != std::string::npos;
  }

  TempDirectory directory_;
};

TEST_F(Claims, OfSeveralThatBeginARunOneHasIt) {
  ASSERT_EQ(run_drift(begin(directory_ / "whole")).exit_code, 0);
  for (int turn = 0; turn < 3; ++turn) {
    const fs::path run = directory_ / fmt::format("run-{}", turn);
    const std::vector<Outcome> others = refused(begin(run));
    EXPECT_EQ(others.size(), kPrograms - 1u);
    for (const Outcome& other : others) {
      EXPECT_EQ(other.exit_code, 2) << other.err;
      // Who comes later finds the first one's checkpoint.
      EXPECT_TRUE(names_holder(other) || other.err.find("has a run in it") != std::string::npos) << other.err;
    }
    expect_same_run(directory_ / "whole", run, 12);
  }
}

TEST_F(Claims, OfSeveralThatGoOnWithARunOneDoesAtATime) {
  ASSERT_EQ(run_drift(begin(directory_ / "whole")).exit_code, 0);
  DRIFT_NEEDS_FAULTS();
  const fs::path run = directory_ / "run";
  const Outcome stopped = run_with_fault("alone append 7 signal:15", begin(run));
  ASSERT_EQ(stopped.exit_code, 75) << stopped.err;
  ASSERT_TRUE(has_checkpoint(run)) << stopped.err;
  const std::vector<Outcome> others = refused({"train", "--resume", run.string()});
  EXPECT_LT(others.size(), std::size_t{kPrograms});
  for (const Outcome& other : others) {
    EXPECT_EQ(other.exit_code, 2) << other.err;
    EXPECT_TRUE(names_holder(other)) << other.err;
  }
  expect_same_run(directory_ / "whole", run, 12);
}

TEST_F(Claims, ARunGoesOnWithFewerCores) {
  DRIFT_NEEDS_FAULTS();
  const fs::path run = directory_ / "run";
  Arguments with_all_cores = train_into(run, {"--steps-per-epoch", "4"});
  const auto threads = std::ranges::find(with_all_cores, "--threads");
  with_all_cores.erase(threads, threads + 2);
  const Outcome stopped = run_with_fault("alone append 3 signal:15", with_all_cores);
  ASSERT_EQ(stopped.exit_code, 75) << stopped.err;
  const Outcome resumed = run_drift({"train", "--resume", run.string()}, [] {
    cpu_set_t cores;
    sched_getaffinity(0, sizeof cores, &cores);
    int last = CPU_SETSIZE - 1;
    while (!CPU_ISSET(last, &cores)) --last;
    CPU_ZERO(&cores);
    CPU_SET(last, &cores);
    sched_setaffinity(0, sizeof cores, &cores);
  });
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(Json::parse(bytes_of(run / "summary.json")).at("steps"), 12);
  EXPECT_NE(bytes_of(run / "env.json").find("\"threads\": 1"), std::string::npos) << "it was given one core";
}

}  // namespace
}  // namespace drift::testing
