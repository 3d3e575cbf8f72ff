// The checkpoint of the best evaluation: where it is, what goes on from it, and what becomes of it where a run goes on.
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/json_lines.h"
#include "tests/apps/program.h"
#include "tests/apps/run_files.h"
#include "tests/apps/tiny_run.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {
namespace {

namespace fs = std::filesystem;

// Six steps an epoch, evaluations and checkpoints after every second. With this seed, where it was tried, the second
// evaluation is better than the first, and the fifth is as good.
std::vector<std::string> best_run(const fs::path& out) {
  return train_into(out,
                    {"--val-split", "0.25", "--keep-best", "--seed", "8", "--eval-every", "0.34", "--checkpoint-every",
                     "0.34", "--keep-checkpoints", "0"},
                    {.steps = "12", .data = "shapes:64:20"});
}

class KeepBest : public ::testing::Test {
 protected:
  void SetUp() override {
    const Outcome outcome = run_drift(best_run(whole()));
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    best_ = summary_of(whole()).at("best_step").get<Step>();
  }
  fs::path whole() const { return directory_ / "whole"; }
  fs::path best_of(const fs::path& run) const { return run / "best" / fmt::format("step-{}", best_); }
  fs::path copy(const std::string& name) const {
    fs::copy(whole(), directory_ / name, fs::copy_options::recursive);
    return directory_ / name;
  }
  static Json summary_of(const fs::path& run) { return Json::parse(bytes_of(run / "summary.json")); }
  static std::vector<std::string> sound(const fs::path& directory) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory)) {
      const std::string name = entry.path().filename();
      if (name.find("superseded") == std::string::npos) names.push_back(name);
    }
    return names;
  }

  TempDirectory directory_;
  Step best_ = 0;
};

TEST_F(KeepBest, IsTheOnlyOneOfItsDirectoryAndThatOfItsStep) {
  EXPECT_EQ(sound(whole() / "best"), std::vector<std::string>{best_of(whole()).filename()});
  expect_same_checkpoint(best_of(whole()), whole() / "ckpt" / best_of(whole()).filename());
}

TEST_F(KeepBest, ARunThatGoesOnFromAnyStepKeepsTheSame) {
  for (const Step step : {2, 4, 6, 8, 10}) {
    SCOPED_TRACE(fmt::format("best {}, resumed from {}", best_, step));
    const fs::path run = copy(std::to_string(step));
    const Outcome outcome =
        run_drift({"train", "-q", "--resume", (run / "ckpt" / fmt::format("step-{}", step)).string()});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(timeless_metrics(run), timeless_metrics(whole()));
    EXPECT_EQ(sound(run / "best"), sound(whole() / "best"));
    expect_same_checkpoint(best_of(whole()), best_of(run));
    EXPECT_EQ(fs::exists(best_of(run).string() + ".superseded"), best_ > step);
  }
}

TEST_F(KeepBest, ARunGoesOnFromItWhereItIsTheNewest) {
  const fs::path run = copy("short");
  fs::remove_all(run / "ckpt");
  const Outcome again = run_drift(best_run(run));
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_NE(again.err.find("has a run in it: --resume"), std::string::npos) << again.err;
  for (const fs::path& resume : {run, run / "best"}) {
    const Outcome outcome = run_drift({"train", "-q", "--resume", resume.string()});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(timeless_metrics(run), timeless_metrics(whole()));
    expect_same_checkpoint(whole() / "ckpt/step-12", run / "ckpt/step-12");
    EXPECT_EQ(sound(run / "best"), sound(whole() / "best"));
  }
}

TEST_F(KeepBest, SaysWhereTheBestSoFarWasNotKept) {
  const fs::path run = copy("late");
  fs::remove_all(run / "best");
  fs::path last = run / "ckpt/step-12";
  const Outcome outcome = run_drift({"train", "-q", "--resume", last.string()});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const bool known = best_ < 12;  // the evaluation after step 12 is made again
  EXPECT_EQ(outcome.err.find(fmt::format("of step {}, has no checkpoint", best_)) != std::string::npos, known)
      << outcome.err;
}

}  // namespace
}  // namespace drift::testing
