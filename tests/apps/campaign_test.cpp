// The campaign: in a run of several processes one thing goes wrong, at a random moment. The job must end, with one line
// that names a process, and leave nothing torn; going on from what it left, with any number of processes, must give
// the bits of an undisturbed run. Cases are a function of the seed and the case's number (DRIFT_TEST_SEED replays);
// DRIFT_CAMPAIGN_CASES asks for more of them than the tests run.
#include <array>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <iostream>
#include <map>
#include <random>

#include "tests/apps/program.h"
#include "tests/apps/run_files.h"
#include "tests/apps/run_with_fault.h"
#include "tests/support/seed.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {
namespace {

namespace fs = std::filesystem;

using Arguments = std::vector<std::string>;

constexpr int kGroups = 4;  // tests that share the cases, and may run beside each other

// Four workers, 24 steps in epochs of 10.
const std::array<Arguments, 5> kAlgorithms = {
    Arguments{"--algo", "sgd", "--bn-stats", "average"},
    Arguments{"--algo", "local", "--period", "5", "--sync-momentum", "average", "--bn-stats", "local"},
    Arguments{"--algo", "local", "--period", "8", "--sync-momentum", "reset", "--bn-stats", "reestimate:3", "--outer",
              "nesterov", "--outer-lr", "0.7", "--outer-momentum", "0.9"},
    Arguments{"--algo", "post-local", "--switch-step", "9", "--period", "4", "--bn-stats", "average"},
    Arguments{"--algo", "local", "--period", "20", "--bn-stats", "reestimate:3"}};

struct Kind {
  const char* call;
  const char* what;
  int most;  // the last call that may go wrong
};
constexpr std::array<Kind, 13> kKinds = {{{"clock_gettime", "kill", 9000},
                                          {"clock_gettime", "kill", 9000},
                                          {"clock_gettime", "stop", 9000},
                                          {"clock_gettime", "delay", 9000},
                                          {"MPI_Isend", "fail", 40},
                                          {"MPI_Irecv", "fail", 40},
                                          {"MPI_Testall", "fail", 400},
                                          {"MPI_Isend", "kill", 40},
                                          {"MPI_Testall", "delay", 400},
                                          {"connect", "fail", 2},
                                          {"send", "fail", 12},
                                          {"recv", "fail", 24},
                                          {"fsync", "fail", 12}}};

struct Case {
  std::size_t algorithm = 0;
  int processes = 2, processes_after = 2, faulty = 0, nth = 1;
  Kind kind = kKinds[0];

  std::string fault() const { return fmt::format("{} {} {} {}", faulty, kind.call, nth, kind.what); }
};

Case draw(int number) {
  std::mt19937_64 random(seed() * 1000 + static_cast<std::uint64_t>(number));
  const auto below = [&](std::size_t n) { return static_cast<int>(random() % n); };
  Case c;
  c.algorithm = static_cast<std::size_t>(below(kAlgorithms.size()));
  c.processes = 2 << below(2);
  c.processes_after = 1 << below(3);
  c.faulty = below(static_cast<std::size_t>(c.processes));
  c.kind = kKinds[static_cast<std::size_t>(number) % kKinds.size()];
  c.nth = 1 + below(static_cast<std::size_t>(c.kind.most));
  return c;
}

Arguments run_of(const Case& c, const fs::path& out) {
  Arguments arguments = {"train",
                         "--model",
                         "cifar-resnet8",
                         "--data",
                         "shapes:160:24",
                         "--workers",
                         "4",
                         "--local-batch",
                         "4",
                         "--momentum",
                         "0.9",
                         "--steps",
                         "24",
                         "--checkpoint-every",
                         "0.4",
                         "--eval-batch",
                         "6",
                         "--threads",
                         "1",
                         "--comm-timeout",
                         "2",
                         "--out",
                         out.string()};
  arguments.insert(arguments.end(), kAlgorithms[c.algorithm].begin(), kAlgorithms[c.algorithm].end());
  return arguments;
}

class Campaign : public ::testing::TestWithParam<int> {
 protected:
  // The undisturbed run, in one process.
  const fs::path& whole(const Case& c) {
    fs::path& path = wholes_[c.algorithm];
    if (path.empty()) {
      path = directory_ / fmt::format("whole-{}", c.algorithm);
      EXPECT_EQ(run_drift(run_of(c, path)).exit_code, 0);
    }
    return path;
  }

  void go_on(const Case& c, const fs::path& run) {
    const bool resumes = has_checkpoint(run);
    if (!resumes) fs::remove_all(run);
    Arguments arguments = run_of(c, run);
    if (resumes) arguments = {"train", "--resume", run.string(), "--comm-timeout", "60"};
    const Outcome outcome = run_drift(launched(c.processes_after, arguments));
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  }

  TempDirectory directory_;

 private:
  std::map<std::size_t, fs::path> wholes_;
};

TEST_P(Campaign, WhateverGoesWrongTheRunGoesOnWithTheSameBits) {
  const int cases = static_cast<int>(campaign_cases(40));
  int ended = 0, ran = 0;
  for (int number = GetParam(); number < cases; number += kGroups) {
    const Case c = draw(number);
    SCOPED_TRACE(fmt::format("seed={} case {}: P = {}, then {}; DRIFT_FAULT='{}'; {}", seed(), number, c.processes,
                             c.processes_after, c.fault(), fmt::join(kAlgorithms[c.algorithm], " ")));
    const fs::path run = directory_ / fmt::format("run-{}", number);
    const Outcome outcome = run_with_fault(c.fault(), launched(c.processes, run_of(c, run)));
    ++ran;
    if (outcome.exit_code != 0) {
      ++ended;
      // Where they have not met yet, mpirun does.
      const bool said = outcome.err.find("drift launch: process ") != std::string::npos ||
                        outcome.err.find("mpirun noticed that process rank ") != std::string::npos;
      EXPECT_TRUE(said) << "nobody says why:\n" << outcome.err;
      EXPECT_NE(std::string(c.kind.what), "delay") << outcome.err;
      ASSERT_NO_FATAL_FAILURE(go_on(c, run)) << outcome.err;
    }
    expect_same_run(whole(c), run, 24);
    if (HasFailure()) {
      std::cout << outcome.err;
      return;
    }
    fs::remove_all(run);
  }
  std::cout << fmt::format("{} cases, {} of them ended before their end\n", ran, ended);
  EXPECT_GT(ended, 0) << "the faults must be felt";
}

INSTANTIATE_TEST_SUITE_P(Group, Campaign, ::testing::Range(0, kGroups));

}  // namespace
}  // namespace drift::testing
