// Runs on file systems that lack something (file_system.cpp): they lose nothing, and say what is not as it should be.
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <optional>
#include <unistd.h>

#include "tests/apps/program.h"
#include "tests/apps/run_files.h"
#include "tests/support/scoped_variables.h"
#include "tests/support/temp_directory.h"
#include "train/runs/directory_lock.h"

namespace drift::testing {
namespace {

namespace fs = std::filesystem;

using Arguments = std::vector<std::string>;

// A checkpoint after each of 12 steps.
Arguments run_into(const fs::path& out, const Arguments& more = {}) {
  Arguments arguments = {"train",
                         "--model",
                         "cifar-resnet8",
                         "--data",
                         "shapes:80:20",
                         "--workers",
                         "2",
                         "--steps",
                         "12",
                         "--period",
                         "3",
                         "--algo",
                         "local",
                         "--local-batch",
                         "4",
                         "--bn-stats",
                         "reestimate:2",
                         "--steps-per-epoch",
                         "1",
                         "--eval-every",
                         "0",
                         "--checkpoint-every",
                         "1",
                         "--out",
                         out.string()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

class FileSystem : public ::testing::Test {
 protected:
  void lacks(const char* what) {
    variables_.emplace(
        ScopedVariables::Values{{"DRIFT_FILE_SYSTEM", what},
                                {"LD_PRELOAD", DRIFT_FILE_SYSTEM_LIBRARY},
                                {"ASAN_OPTIONS", "verify_asan_link_order=0"}});  // else its library has to be the first
  }
  const fs::path& whole() {
    if (whole_.empty()) {
      whole_ = directory_ / "whole";
      EXPECT_EQ(run_drift(run_into(whole_)).exit_code, 0);
    }
    return whole_;
  }
  void expect_whole(const fs::path& run) { expect_same_run(whole(), run, 12); }

  TempDirectory directory_;
  fs::path whole_;
  std::optional<ScopedVariables> variables_;
};

// A signal leaves a checkpoint with other statistics; who goes on from it replaces it. A killed run is gone on with
// from one that is as it should be.
TEST_F(FileSystem, WithoutExchangeAnyRunIsResumed) {
  whole();
  lacks("no-exchange");
  for (const int signal : {SIGTERM, SIGKILL}) {
    const fs::path run = directory_ / std::to_string(signal);
    const Outcome stopped = run_drift_and_signal(run_into(run), "ckpt/step-4", signal);
    EXPECT_EQ(stopped.exit_code, signal == SIGKILL ? 128 + SIGKILL : 75) << stopped.err;
    const Outcome resumed = run_drift({"train", "--resume", run.string()});
    ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
    expect_whole(run);
    const Outcome again = run_drift({"train", "--resume", run.string()});
    EXPECT_EQ(again.exit_code, 0) << again.err;
    for (const auto& entry : fs::directory_iterator(run / "ckpt")) {
      EXPECT_EQ(entry.path().filename().string().front(), 's') << entry.path();
    }
  }
}

// What was just read is not written again.
TEST_F(FileSystem, AFinishedRunThatIsResumedStaysAsItIs) {
  const auto written = [&] { return fs::last_write_time(whole() / "ckpt/step-12/meta.json"); };
  const auto before = written();
  ASSERT_EQ(run_drift({"train", "--resume", whole().string()}).exit_code, 0);
  EXPECT_EQ(written(), before);
}

// Whoever goes on from an older checkpoint is not sent to the newer ones of the other course afterwards.
TEST_F(FileSystem, ARunThatGoesOnFromAnOlderCheckpointLeavesOutNoStep) {
  const fs::path run = directory_ / "run";
  ASSERT_EQ(run_drift(run_into(run, {"--keep-checkpoints", "0"})).exit_code, 0);
  const Outcome stopped = run_drift_and_signal({"train", "--resume", (run / "ckpt/step-4").string()},
                                               "checkpoint " + (run / "ckpt/step-6").string(), SIGTERM);
  ASSERT_EQ(stopped.exit_code, 75) << stopped.err;
  EXPECT_NE(stopped.err.find("what lay beyond step 4, from which the run goes on, is now step-5.superseded, step-6."),
            std::string::npos)
      << stopped.err;
  const Outcome resumed = run_drift({"train", "--resume", run.string()});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  expect_whole(run);
  EXPECT_TRUE(fs::exists(run / "ckpt/step-12.superseded"));
}

TEST_F(FileSystem, TwoThatWriteIntoOneRunAreTold) {
  const fs::path run = directory_ / "run";
  ASSERT_EQ(run_drift(run_into(run)).exit_code, 0);
  const DirectoryLock other(run);
  const Outcome refused = run_drift({"train", "--resume", run.string()});
  EXPECT_EQ(refused.exit_code, 2) << refused.err;
  EXPECT_NE(refused.err.find(fmt::format("is in use by process {} on ", ::getpid())), std::string::npos) << refused.err;
}

TEST_F(FileSystem, NamesThatAreNoneAreRefusedAtOnce) {
  for (const std::string name : {"../x", "a\xFF"}) {
    const Outcome refused = run_drift(run_into(directory_ / "run", {"--name", name}));
    EXPECT_EQ(refused.exit_code, 2) << refused.err;
    EXPECT_FALSE(fs::exists(directory_ / "run"));
  }
}

TEST_F(FileSystem, WithoutSyncOfDirectoriesItSaysSoOnce) {
  whole();
  lacks("no-directory-sync");
  const fs::path run = directory_ / "run";
  const Outcome outcome = run_drift(run_into(run));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const std::string warning = "this file system does not say when names are on the disk";
  const std::size_t first = outcome.err.find(warning);
  EXPECT_NE(first, std::string::npos) << outcome.err;
  EXPECT_EQ(outcome.err.find(warning, first + 1), std::string::npos) << outcome.err;
  expect_whole(run);
}

TEST_F(FileSystem, WhatCannotBeRemovedIsAWarning) {
  whole();
  lacks("no-removal");
  const fs::path run = directory_ / "run";
  const Outcome outcome = run_drift(run_into(run, {"--keep-checkpoints", "1"}));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("cannot be removed: Operation not permitted"), std::string::npos) << outcome.err;
  expect_whole(run);
}

}  // namespace
}  // namespace drift::testing
