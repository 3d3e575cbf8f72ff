// How a team ends when something other than an Error is thrown in one of its processes, and when what the launcher says
// cannot be written.
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/json_lines.h"
#include "tests/apps/program.h"
#include "tests/apps/run_files.h"
#include "tests/apps/run_with_fault.h"
#include "tests/apps/standard_streams.h"
#include "tests/apps/tiny_run.h"
#include "tests/support/file_damage.h"
#include "tests/support/seed.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {
namespace {

namespace fs = std::filesystem;

using Arguments = std::vector<std::string>;

// In a worker's thread, in the main thread, in the thread of the control channel; of either process.
TEST(TeamOfProcesses, WhateverIsThrownEndsAllWithAFailedSummary) {
  const TempDirectory directory;
  for (const char* fault : {"1 MPI_Isend 9 int", "0 MPI_Isend 9 memory", "1 fsync 1 exception", "0 append 3 int",
                            "1 recv 9 int", "0 recv 9 memory"}) {
    SCOPED_TRACE(fault);
    const fs::path run = directory / fault;
    const Outcome outcome = run_with_fault(fault, launched(2, train_into(run)));
    // 5 for memory; 6 where a process that lost its thread is gone for the others.
    const int own = std::string_view(fault).ends_with("memory") ? 5 : 1;
    EXPECT_TRUE(outcome.exit_code == own || outcome.exit_code == 6) << outcome.exit_code << "\n" << outcome.err;
    EXPECT_NE(outcome.err.find("drift launch: process "), std::string::npos) << "nobody says why:\n" << outcome.err;
    if (fs::exists(run)) {
      EXPECT_EQ(Json::parse(bytes_of(run / "summary.json")).at("status"), "failed");
    }
    const Outcome again = run_drift(launched(2, train_into(run)));
    EXPECT_EQ(again.exit_code, 0) << "the same command starts it again:\n" << again.err;
  }
}

// In one of the processes, whether it goes on or hangs there: where they meet, claim the directory, train and write.
TEST(TeamOfProcesses, AStopIsHeardInEveryPhase) {
  const TempDirectory directory;
  const Arguments more = {"--steps-per-epoch", "4", "--checkpoint-every", "1"};
  ASSERT_EQ(run_drift(train_into(directory / "whole", more)).exit_code, 0);
  const std::string one = std::to_string(seed() % 2);
  const Arguments faults = {one + " MPI_Init_thread 1 hang:15",
                            "1 connect 1 hang:10",
                            "0 MPI_Isend 1 hang:12",
                            "0 open 1 hang:1",
                            "0 fsync 3 signal:24",
                            one + " MPI_Isend 20 signal:15",
                            "1 fsync 2 signal:10"};
  for (const std::string& fault : faults) {
    SCOPED_TRACE(fmt::format("seed={} {}", seed(), fault));
    const fs::path run = directory / fault;
    const Outcome stopped = run_with_fault(fault, launched(2, train_into(run, more)));
    ASSERT_EQ(stopped.exit_code, 75) << stopped.err;
    const bool resumes = fs::exists(run / "ckpt");
    const Outcome again =
        run_drift(launched(2, resumes ? Arguments{"train", "--resume", run.string()} : train_into(run, more)));
    ASSERT_EQ(again.exit_code, 0) << again.err;
    expect_same_run(directory / "whole", run, 12);
  }
}

// An mpirun that has its launcher stopped before it listens, and then can only be ended by being asked again.
TEST(TeamOfProcesses, WhoDoesNotListenYetIsAskedAgain) {
  const TempDirectory directory;
  const fs::path mpirun = directory / "mpirun";
  set_file_text(mpirun, "#!/bin/sh\nkill -TERM $PPID\nexec env --default-signal=USR1 sleep 600\n");
  fs::permissions(mpirun, fs::perms::owner_all);
  const std::string path = fmt::format("PATH={}:{}", directory.path().string(), std::getenv("PATH"));
  const Outcome outcome = run_program({"env", path, DRIFT_BINARY, "launch", "-n", "2", "--", "doctor"});
  EXPECT_EQ(outcome.exit_code, 75) << outcome.err;
}

class LaunchedStreams : public ::testing::TestWithParam<StreamState> {};

TEST_P(LaunchedStreams, NeitherChangeTheExitCodeNorGetIntoFiles) {
  const TempDirectory directory;
  const struct {
    int exit_code;
    Arguments more;
  } endings[] = {{0, {}}, {2, {"--peroid", "4"}}, {7, {"--lr", "1e30"}}};
  for (const auto& [exit_code, more] : endings) {
    const fs::path run = directory / std::to_string(exit_code);
    const Arguments arguments = train_into(run, more);
    const Outcome outcome = run_drift(launched(2, arguments), [] { bring_about(GetParam()); });
    const bool loses = exit_code == 0 && GetParam().stream == STDOUT_FILENO;
    EXPECT_EQ(outcome.exit_code, loses ? 74 : exit_code) << outcome.err;
    if (fs::exists(run)) expect_clean_files(run, arguments);
    if (exit_code == 0) {
      EXPECT_EQ(Json::parse(bytes_of(run / "summary.json")).at("status"), "finished");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Matrix, LaunchedStreams, stream_states(), stream_state_name);

}  // namespace
}  // namespace drift::testing
