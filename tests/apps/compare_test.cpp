// drift compare from a recipe to its files, interrupted and gone on with.
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/json_lines.h"
#include "tests/apps/program.h"
#include "tests/apps/run_files.h"
#include "tests/support/file_damage.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRecipe = R"(
model = "cifar-resnet8"
data = "shapes:40:20"
workers = 2
local-batch = 4
lr = 0.05
steps = 6
bn-stats = "local"
worker-threads = 1
first-phase = "--steps 3"
starts = 2
seeds = 2
arms = ["sgd: --algo sgd", "local: --algo local --period 2"]
)";

class Compare : public ::testing::Test {
 protected:
  Outcome compare(const fs::path& out, const std::vector<std::string>& more = {}) const {
    return run_drift(arguments(out, more));
  }
  std::vector<std::string> arguments(const fs::path& out, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words = {"compare", recipe_.string(), "--out", out.string()};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  void expect(const std::string& expectation) const {
    set_file_text(recipe_, kRecipe + fmt::format("expect = [\"{}\"]\n", expectation));
  }
  // What does not depend on time.
  static Json summary_of(const fs::path& out) {
    Json summary = Json::parse(bytes_of(out / "summary.json"));
    for (Json& arm : summary.at("arms")) {
      arm.erase("seconds");
      arm.erase("img_s");
    }
    return summary;
  }
  void SetUp() override { set_file_text(recipe_, kRecipe); }

  TempDirectory directory_;
  const fs::path recipe_ = directory_ / "small.toml";
};

TEST_F(Compare, TrainsFirstPhasesOnceAndBranchesFromThem) {
  const fs::path out = directory_ / "out";
  const Outcome outcome = compare(out);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("[6/6] "), std::string::npos) << outcome.err;
  EXPECT_TRUE(outcome.out.starts_with("arm    seeds  test accuracy, %")) << outcome.out;
  EXPECT_NE(outcome.out.find("report " + (out / "report.html").string()), std::string::npos) << outcome.out;
  EXPECT_EQ(timeless_metrics(out / "local/seed-2").front().at("step"), 3);
  const Json branch = Json::parse(bytes_of(out / "local/seed-2/branch.json"));
  EXPECT_NE(branch.at("parent").get<std::string>().find("start-2"), std::string::npos) << branch;
  const Json summary = summary_of(out);
  EXPECT_EQ(summary.at("arms")[1].at("rounds"), 2);  // step 4, and the last one
  EXPECT_EQ(summary.at("arms")[1].at("seeds"), Json::array({1, 2}));
  for (const char* file : {"summary.csv", "report.html", "comparison.json", "log/sgd-seed-1.log"}) {
    EXPECT_TRUE(fs::is_regular_file(out / file)) << file;
  }
  const Outcome again = compare(out);
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_NE(again.err.find("6 done"), std::string::npos) << again.err;
  EXPECT_EQ(summary_of(out), summary);

  const Outcome report = run_drift({"report", out.string(), "--out", (directory_ / "page.html").string()});
  EXPECT_EQ(report.exit_code, 0) << report.err;
  EXPECT_NE(bytes_of(directory_ / "page.html").find(">local</th>"), std::string::npos);
  const Outcome one = run_drift({"report", out.string(), "--arms", "local", "--out", (directory_ / "1.html").string()});
  EXPECT_EQ(one.exit_code, 0) << one.err;
  EXPECT_EQ(bytes_of(directory_ / "1.html").find(">sgd</th>"), std::string::npos);
  const Outcome none = run_drift({"report", out.string(), "--arms", "local,logical"});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_NE(none.err.find("no arm 'logical', but sgd, local"), std::string::npos) << none.err;
  const Outcome runs = run_drift({"runs", (out / "sgd").string()});
  EXPECT_NE(runs.out.find("seed-1  cifar-resnet8  sgd, 2 x 4"), std::string::npos) << runs.out;
}

TEST_F(Compare, SeveralAtATimeHaveTheSameResults) {
  ASSERT_EQ(compare(directory_ / "one").exit_code, 0);
  ASSERT_EQ(compare(directory_ / "three", {"--jobs", "3"}).exit_code, 0);
  EXPECT_EQ(summary_of(directory_ / "one"), summary_of(directory_ / "three"));
}

TEST_F(Compare, StoppedItGoesOnWhereItWas) {
  ASSERT_EQ(compare(directory_ / "whole").exit_code, 0);
  const fs::path out = directory_ / "stopped";
  const Outcome stopped = run_drift_and_signal(arguments(out), "[3/6]", SIGTERM);
  EXPECT_EQ(stopped.exit_code, 75) << stopped.err;
  EXPECT_NE(stopped.err.find("the same command goes on: drift compare "), std::string::npos) << stopped.err;
  const Outcome on = compare(out);
  EXPECT_EQ(on.exit_code, 0) << on.err;
  EXPECT_EQ(summary_of(out), summary_of(directory_ / "whole"));
}

TEST_F(Compare, AnExpectationThatIsNotShownHasExitCode9) {
  expect("local - sgd > 100");
  const Outcome missed = compare(directory_ / "out");
  EXPECT_EQ(missed.exit_code, 9) << missed.err;
  EXPECT_NE(missed.out.find("NOT SHOWN: local - sgd > 100: "), std::string::npos) << missed.out;
  EXPECT_EQ(summary_of(directory_ / "out").at("expectations")[0].at("holds"), false);
}

TEST_F(Compare, RunsOfOtherSettingsAreNotTakenForItsOwn) {
  const fs::path out = directory_ / "out";
  ASSERT_EQ(compare(out).exit_code, 0);
  const Outcome other = compare(out, {"--lr", "0.5"});
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_NE(other.err.find("was trained with --lr 0.05, and the comparison says 0.5 now: give another --out"),
            std::string::npos)
      << other.err;
}

TEST_F(Compare, ARunThatFailsEndsItWithItsCodeAndItsWords) {
  const Outcome failed = compare(directory_ / "out", {"--train-images", "39"});
  EXPECT_EQ(failed.exit_code, 3) << failed.err;
  EXPECT_NE(failed.err.find("start-1 ended with exit code 3"), std::string::npos) << failed.err;
  EXPECT_NE(failed.err.find("39"), std::string::npos) << failed.err;
}

TEST_F(Compare, ThatAnArmDivergesIsAResult) {
  std::string recipe = kRecipe;
  const std::string sgd = "\"sgd: --algo sgd\"";
  recipe.replace(recipe.find(sgd), sgd.size(), "\"wild: --lr 1e30\"");
  set_file_text(recipe_, recipe);
  const fs::path out = directory_ / "out";
  for (const char* done : {"0 done", "6 done"}) {
    const Outcome outcome = compare(out);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_NE(outcome.err.find(done), std::string::npos) << outcome.err;
    EXPECT_NE(outcome.out.find("diverged at step "), std::string::npos) << outcome.out;
  }
  EXPECT_EQ(summary_of(out).at("arms")[1].at("state"), "finished");
  const Outcome first_phase = compare(directory_ / "other", {"--lr", "1e30"});
  EXPECT_EQ(first_phase.exit_code, 7) << first_phase.err;
}

TEST_F(Compare, ArmsBranchFromAGivenCheckpoint) {
  const fs::path out = directory_ / "out";
  ASSERT_EQ(compare(directory_ / "first").exit_code, 0);
  const Outcome outcome = compare(out, {"--from", (directory_ / "first/start-1").string()});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_FALSE(fs::exists(out / "start-1"));
  // With the first one's seed these are the same runs.
  EXPECT_EQ(timeless_metrics(out / "sgd/seed-1"), timeless_metrics(directory_ / "first/sgd/seed-1"));
}

TEST_F(Compare, WhatIsOfSomethingElseIsRefused) {
  const fs::path out = directory_ / "out";
  const Outcome foreign = compare(directory_.path());
  EXPECT_EQ(foreign.exit_code, 2);
  EXPECT_NE(foreign.err.find("is not empty, and no directory of a comparison: there is "), std::string::npos)
      << foreign.err;
  for (const char* flag : {"--resume=auto", "--change=lr", "--name=x"}) {
    EXPECT_EQ(compare(out, {flag}).exit_code, 2) << flag;
  }
  EXPECT_EQ(run_drift({"report", (directory_ / "nothing").string()}).exit_code, 2);
  EXPECT_EQ(run_drift({"runs", (directory_ / "nothing").string()}).exit_code, 2);
}

}  // namespace
}  // namespace drift::testing
