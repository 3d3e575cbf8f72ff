// Signals by phases of a run: what asks to stop ends it with exit code 75 wherever it comes, also where the run would
// never come back from, and what is left goes on to the bits of a run that nobody disturbed; SIGPIPE and SIGXFSZ change
// nothing. Evaluation and re-estimation: session_test.cpp.
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <iterator>

#include "core/json_lines.h"
#include "core/step.h"
#include "tests/apps/program.h"
#include "tests/apps/run_files.h"
#include "tests/apps/run_with_fault.h"
#include "tests/apps/tiny_run.h"
#include "tests/support/seed.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {
namespace {

namespace fs = std::filesystem;

constexpr int kAskToStop[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU};
constexpr int kSpared[] = {SIGPIPE, SIGXFSZ};

struct Phase {
  const char *name, *call;
  Step first, last;  // how many steps are done when the run has left
};
// The run's name, config.toml, env.json and cmd.txt come to the disk first. The ninth record is that of step 5, after
// an evaluation and a checkpoint; one of the workers may have entered step 6, and none the next one. The checkpoint is
// the one after step 4.
constexpr Phase kPhases[] = {{"set-up", "uname 1", 0, 0},      {"locking", "open 1", 0, 0},
                             {"claiming", "fsync 5", 0, 0},    {"training", "append 9", 6, 7},
                             {"checkpoint", "fsync 10", 4, 4}, {"checkpoint", "fsync 14", 4, 4}};

class Stops : public ::testing::Test {
 protected:
  std::vector<std::string> arguments(const fs::path& out) const {
    return train_into(out, {"--steps-per-epoch", "4", "--checkpoint-every", "1"});
  }
  void SetUp() override {
    DRIFT_NEEDS_FAULTS();
    ASSERT_EQ(run_drift(arguments(whole_)).exit_code, 0);
  }

  void expect_whole(const fs::path& run) { expect_same_run(whole_, run, 12); }
  fs::path run_of(const char* call, int signal) const { return directory_ / fmt::format("{} {}", call, signal); }
  fs::path one_of_runs(const char* call) const { return run_of(call, kAskToStop[seed() % std::size(kAskToStop)]); }
  Outcome run_signalled(const Phase& phase, int signal) const {
    return run_with_fault(fmt::format("alone {} signal:{}", phase.call, signal), arguments(run_of(phase.call, signal)));
  }
  // By the same command, where there is no checkpoint.
  void go_on(const fs::path& run) {
    SCOPED_TRACE(fmt::format("seed={} going on with {}", seed(), run.string()));
    const bool resumes = fs::exists(run / "ckpt");
    const Outcome outcome =
        run_drift(resumes ? std::vector<std::string>{"train", "--resume", run.string()} : arguments(run));
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    expect_whole(run);
  }

  TempDirectory directory_;
  const fs::path whole_ = directory_ / "whole";
};

TEST_F(Stops, AreHeardInEveryPhase) {
  for (const Phase& phase : kPhases) {
    for (const int signal : kAskToStop) {
      const fs::path run = run_of(phase.call, signal);
      const Outcome stopped = run_signalled(phase, signal);
      ASSERT_EQ(stopped.exit_code, 75) << "signal " << signal << " in " << phase.name << ": " << stopped.err;
      if (fs::exists(run / "summary.json")) {
        const Json summary = Json::parse(bytes_of(run / "summary.json"));
        EXPECT_EQ(summary.at("status"), "stopped");
        EXPECT_GE(summary.at("steps").get<Step>(), phase.first);
        EXPECT_LE(summary.at("steps").get<Step>(), phase.last);
      } else {
        EXPECT_EQ(phase.last, 0) << stopped.err;
      }
    }
    go_on(one_of_runs(phase.call));
  }
}

// Reading, or waiting for something, that takes as long as it likes.
TEST_F(Stops, AreHeardInASetupThatHangs) {
  for (const char* call : {"uname 1", "open 1", "open 2", "fsync 1", "fsync 5", "fsync 7"}) {
    for (const int signal : kAskToStop) {
      SCOPED_TRACE(fmt::format("signal {} at {}", signal, call));
      const fs::path run = run_of(call, signal);
      const Outcome stopped = run_with_fault(fmt::format("alone {} hang:{}", call, signal), arguments(run));
      ASSERT_EQ(stopped.exit_code, 75) << stopped.err;
      EXPECT_NE(stopped.err.find("drift: stopped by a signal before training began"), std::string::npos) << stopped.err;
      EXPECT_FALSE(fs::exists(run / "ckpt"));
    }
    go_on(one_of_runs(call));
  }
}

TEST_F(Stops, OtherSignalsChangeNothing) {
  for (const Phase& phase : kPhases) {
    for (const int signal : kSpared) {
      const Outcome outcome = run_signalled(phase, signal);
      ASSERT_EQ(outcome.exit_code, 0) << "signal " << signal << " in " << phase.name << ": " << outcome.err;
      expect_whole(run_of(phase.call, signal));
    }
  }
}

}  // namespace
}  // namespace drift::testing
