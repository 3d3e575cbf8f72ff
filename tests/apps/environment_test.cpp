// Faults of the environment, from outside: paths that lead nowhere, files that may not grow, threads that cannot start.
// Each has the documented exit code of what was asked for; 1 is a bug of Drift.
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>
#include <vector>

#include "tests/apps/program.h"
#include "tests/support/file_damage.h"
#include "tests/support/scoped_variables.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {
namespace {

namespace fs = std::filesystem;

using Arguments = std::vector<std::string>;

Arguments small_run(const Arguments& more) {
  Arguments all = {"train", "-q", "--data", "shapes:16:8", "--bn-stats", "local", "--steps", "2"};
  for (const auto& [option, value] :
       {std::pair("--model", "cifar-resnet8"), std::pair("--threads", "1"), std::pair("--local-batch", "4")}) {
    if (std::ranges::find(more, option) == more.end()) all.insert(all.end(), {option, value});
  }
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

// A command that is given a path, and the code it ends with where that cannot be used.
struct Use {
  int exit_code;
  Arguments (*command)(const std::string& path);
};

const std::vector<Use>& uses() {
  static const std::vector<Use> all = {
      {3,
       [](const std::string& path) {
         return Arguments{"train", "--recipe", path};
       }},
      {8,
       [](const std::string& path) {
         return small_run({"--weights", path});
       }},
      {8,
       [](const std::string& path) {
         return small_run({"--resume", path});
       }},
      {2,
       [](const std::string& path) {
         return small_run({"--out", path});
       }},
      {2, [](const std::string& path) { return Arguments{"train", "-q", "--resume", "run", "--out", path}; }},
      {4,
       [](const std::string& path) {
         return Arguments{"data", "info", "--data", "cifar10:" + path};
       }},
      {4,
       [](const std::string& path) {
         return Arguments{"data", "info", "--data", "cifar100:" + path};
       }},
      {74,
       [](const std::string& path) { return Arguments{"data", "preview", "--data", "shapes:16:8", "--out", path}; }},
      {8, [](const std::string& path) {
         return Arguments{"eval", "--weights", path};
       }}};
  return all;
}

class EnvironmentFaults : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(in_directory(small_run({"--out", "run"})).exit_code, 0);
    set_file_text(directory_ / "file", "");
    fs::create_symlink("circle", directory_ / "circle");
    fs::create_symlink("nowhere/at/all", directory_ / "dangling");
  }
  Outcome in_directory(const Arguments& arguments, Limits limits = {.cpu_seconds = 5}) const {
    limits.directory = directory_.path();
    return run_drift_within(limits, arguments);
  }

  TempDirectory directory_;
};

TEST_F(EnvironmentFaults, APathThatCannotBeFollowedHasTheCodeOfWhatItWasGivenFor) {
  std::string long_path;
  while (long_path.size() < 5000) long_path += std::string(99, 'a') + "/";
  for (const std::string& path : {std::string(300, 'a'), long_path, std::string("circle"), std::string("circle/below"),
                                  std::string("file/below"), std::string("dangling/below")}) {
    for (std::size_t use = 0; use < uses().size(); ++use) {
      const Arguments command = uses()[use].command(path);
      const Outcome outcome = in_directory(command);
      EXPECT_EQ(outcome.exit_code, uses()[use].exit_code)
          << fmt::format("use {} of {}: ", use, path.substr(0, 40)) << outcome.err.substr(0, 500);
      EXPECT_NE(outcome.err.find(path.substr(0, 20)), std::string::npos) << outcome.err;
    }
  }
}

// Without the rights of root, who may do all.
TEST_F(EnvironmentFaults, APathThatMayNotBeSeenHasTheCodeOfWhatItWasGivenFor) {
  fs::create_directory(directory_ / "closed");
  fs::permissions(directory_.path(), fs::perms::all);
  fs::permissions(directory_ / "run", fs::perms::all);
  fs::permissions(directory_ / "closed", fs::perms::none);
  const bool root = geteuid() == 0;
  for (const std::string& path : {std::string("closed"), std::string("closed/below")}) {
    for (std::size_t use = 0; use < uses().size(); ++use) {
      Arguments words = uses()[use].command((directory_ / path).string());
      for (std::string& word : words) {
        if (word == "run") word = (directory_ / "run").string();
      }
      words.insert(words.begin(), DRIFT_BINARY);
      const Arguments as_nobody = {"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"};
      if (root) words.insert(words.begin(), as_nobody.begin(), as_nobody.end());
      const Outcome outcome = run_program(words);
      ASSERT_NE(outcome.exit_code, 127) << "setpriv (util-linux) is needed to test this as root";
      EXPECT_EQ(outcome.exit_code, uses()[use].exit_code)
          << fmt::format("use {} of {}: ", use, path) << outcome.err.substr(0, 500);
    }
  }
  fs::permissions(directory_ / "closed", fs::perms::all);
}

// Wherever the limit falls: in the run directory's first files, the records, the states, the model.
TEST_F(EnvironmentFaults, AFileThatMayNotGrowIsAnErrorOfThatFile) {
  for (const rlim_t bytes : {1, 1000, 3000, 100'000, 400'000}) {
    SCOPED_TRACE(bytes);
    const Outcome outcome =
        in_directory(small_run({"--out", fmt::format("out-{}", bytes)}), {.cpu_seconds = 5, .file_size = bytes});
    EXPECT_EQ(outcome.exit_code, 74) << outcome.err;
  }
}

// However many the system gives: those that wait for each other are all there, or the run says that they are not.
TEST_F(EnvironmentFaults, ThreadsThatCannotStartAreNotWaitedFor) {
  const Arguments run = small_run({"--threads", "3", "--workers", "3", "--local-batch", "2", "--loader-threads", "6",
                                   "--algo", "local", "--period", "2"});
  int refused = 0, done = 0;
  for (int most = 0; most <= 16; ++most) {
    const ScopedVariables variables({{"DRIFT_THREADS_MAX", std::to_string(most)},
                                     {"LD_PRELOAD", DRIFT_THREADS_LIBRARY},
                                     {"ASAN_OPTIONS", "verify_asan_link_order=0"}});
    const Outcome outcome = in_directory(run);
    EXPECT_TRUE(outcome.exit_code == 5 || outcome.exit_code == 0)
        << fmt::format("{} threads: {} ", most, outcome.exit_code) << outcome.err;
    EXPECT_EQ(outcome.err.find("no thread for") != std::string::npos, outcome.exit_code == 5) << outcome.err;
    ++(outcome.exit_code == 0 ? done : refused);
  }
  EXPECT_GE(refused, 9);  // three workers and six that prepare their batches
  EXPECT_GE(done, 1);
}

TEST_F(EnvironmentFaults, AStreamOfMoreThreadsThanThereAreIsRefused) {
  const ScopedVariables variables({{"DRIFT_THREADS_MAX", "5"},
                                   {"LD_PRELOAD", DRIFT_THREADS_LIBRARY},
                                   {"ASAN_OPTIONS", "verify_asan_link_order=0"}});
  for (const Arguments& command : {small_run({"--threads", "64", "--model", "resnet20", "--eval-batch", "8"}),
                                   Arguments{"eval", "--weights", "run/ckpt/step-2/model.safetensors", "--model",
                                             "cifar-resnet8", "--data", "shapes:16:8", "--threads", "64"}}) {
    const Outcome outcome = in_directory(command);
    EXPECT_EQ(outcome.exit_code, 5) << outcome.err;
    EXPECT_NE(outcome.err.find("no thread for a stream of the CPU"), std::string::npos) << outcome.err;
  }
}

}  // namespace
}  // namespace drift::testing
