// Recipes of comparisons, the runs they stand for, and what is made of the results.
#include "analysis/compare/comparison.h"

#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sstream>

#include "analysis/compare/outcome.h"
#include "core/check.h"
#include "tests/support/error_of.h"
#include "tests/support/file_damage.h"
#include "tests/support/temp_directory.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRecipe = R"(
model = "cifar-resnet8"
data = "shapes:64:32"
workers = 4
lr = 0.1
epochs = 20
seed = 7
first-phase = "--epochs 10 --lr=0.5 --nesterov --momentum 0.9"
starts = 2
seeds = 3
arms = ["sgd: --algo sgd", "local8: --algo local --period 8 --lr 0.2"]
expect = ["local8 - sgd > 0.5"]
)";

class Comparisons : public ::testing::Test {
 protected:
  Comparison read(const std::string& text, const SettingLayer& given = {}) const {
    testing::set_file_text(path_, text);
    return read_comparison(path_, given);
  }
  std::string refusal(const std::string& from, const std::string& to) const {
    std::string text = kRecipe;
    text.replace(text.find(from), from.size(), to);
    const Error error = testing::error_of([&] { read(text); });
    EXPECT_EQ(error.kind(), ErrorKind::kConfig) << error.message();
    return error.message();
  }

  testing::TempDirectory directory_;
  const fs::path path_ = directory_ / "mine.toml";
};

TEST_F(Comparisons, AreFirstPhasesAndThenAllArmsForEachSeed) {
  const Comparison comparison = read(kRecipe);
  EXPECT_EQ(comparison.name, "mine");
  std::string directories;
  for (const PlannedRun& run : planned_runs(comparison)) {
    directories += fmt::format("{} from '{}' seed {}; ", run.directory.string(), run.parent.string(), run.config.seed);
  }
  EXPECT_EQ(directories,
            "start-1 from '' seed 7; start-2 from '' seed 8; "
            "sgd/seed-1 from 'start-1' seed 7; local8/seed-1 from 'start-1' seed 7; "
            "sgd/seed-2 from 'start-2' seed 8; local8/seed-2 from 'start-2' seed 8; "
            "sgd/seed-3 from 'start-1' seed 9; local8/seed-3 from 'start-1' seed 9; ");
  const std::vector<PlannedRun> runs = planned_runs(comparison);
  EXPECT_EQ(runs[0].config.optimizer.momentum, 0.9);
  EXPECT_TRUE(runs[0].config.optimizer.nesterov);
  EXPECT_EQ(runs[0].config.lr.lr, 0.5);
  EXPECT_EQ(runs[2].config.optimizer.momentum, 0) << "of the first phase alone";
  EXPECT_EQ(runs[2].config.lr.lr, 0.1);
  EXPECT_EQ(runs[3].config.lr.lr, 0.2);
  EXPECT_EQ(runs[3].config.sync.algorithm, Algorithm::kLocal);
  ASSERT_EQ(comparison.expectations.size(), 1u);
  EXPECT_EQ(comparison.expectations[0].points, 0.5);
}

TEST_F(Comparisons, FlagsBeatWhatIsCommonAndArmsBeatFlags) {
  const SettingLayer given{.origin = "command line",
                           .kind = ErrorKind::kUsage,
                           .settings = {{.name = "lr", .text = "0.3", .where = "--lr"},
                                        {.name = "epochs", .text = "5", .where = "--epochs"}}};
  const std::vector<PlannedRun> runs = planned_runs(read(kRecipe, given));
  EXPECT_EQ(runs[0].config.lr.lr, 0.5);
  EXPECT_EQ(runs[2].config.lr.lr, 0.3);
  EXPECT_EQ(runs[3].config.lr.lr, 0.2);
  EXPECT_EQ(runs[2].config.length.epochs, 5);
}

TEST_F(Comparisons, WithWeightsThereIsNoFirstPhase) {
  const SettingLayer given{.origin = "command line",
                           .kind = ErrorKind::kUsage,
                           .settings = {{.name = "weights", .text = "w.safetensors", .where = "--weights"}}};
  const std::vector<PlannedRun> runs = planned_runs(read(kRecipe, given));
  ASSERT_EQ(runs.size(), 6u);
  for (const PlannedRun& run : runs) EXPECT_EQ(run.parent, "");
}

TEST_F(Comparisons, WhatIsWrongIsSaidBeforeAnythingIsTrained) {
  struct Row {
    const char *from, *to, *said;
  };
  for (const Row& row :
       {Row{"\"sgd: --algo sgd\"", "\"sgd\"", "arms: 'sgd' must be a name of letters"},
        Row{"\"sgd: --algo sgd\"", "\"../x: --algo sgd\"", "arms: '../x: --algo sgd' must be a name"},
        Row{"\"sgd: --algo sgd\"", "\"start-1: --algo sgd\"", "must be a name"},
        Row{"\"sgd: --algo sgd\"", "\"local8: --algo sgd\"", "arms: two are called local8"},
        Row{"--algo sgd\"", "--algoo sgd\"", "arm sgd: unknown option '--algoo'. Did you mean '--algo'?"},
        Row{"--algo sgd\"", "--algo\"", "arm sgd: --algo has no value"},
        Row{"--algo sgd\"", "sgd\"", "arm sgd: 'sgd' stands where an option is expected"},
        Row{"--algo sgd\"", "--out x\"", "arm sgd: --out is what the comparison decides"},
        Row{"--algo sgd\"", "--lr none\"", "arm sgd: --lr must be"},
        Row{"--algo sgd\"", "--model resnet20\"", "arm sgd: --model is cifar-resnet8 in the first phase"},
        Row{"\"local8 - sgd > 0.5\"", "\"local8 > sgd\"", "expect: 'local8 > sgd' must be ARM - OTHER > POINTS"},
        Row{"\"local8 - sgd > 0.5\"", "\"local9 - sgd > 0\"", "expect: 'local9 - sgd > 0' must be"},
        Row{"seeds = 3", "seeds = 0", "seeds must be an integer from 1 to 1000, found 0"},
        Row{"seeds = 3", "seeds = [3, 4]", "seeds must be one value, not 2"},
        Row{"seeds = 3", "seeds = 1", "starts = 2, but only 1 seeds would use them"},
        Row{"seeds = 3", "seds = 3", "mine.toml:10: seds: unknown key"},
        Row{"first-phase = ", "# ", "starts = 2 needs a first-phase"},
        Row{"lr = 0.1", "lr = true", "lr must be a number"}}) {
    const std::string message = refusal(row.from, row.to);
    EXPECT_NE(message.find(row.said), std::string::npos) << row.to << ": " << message;
  }
}

ArmResult result(const std::string& name, const std::vector<double>& accuracies) {
  ArmResult arm{.name = name, .accuracies = accuracies};
  for (std::size_t i = 0; i < accuracies.size(); ++i) arm.seeds.push_back(i + 1);
  arm.accuracy = estimate_mean(accuracies);
  arm.status = "finished";
  return arm;
}

TEST_F(Comparisons, AnExpectationHoldsWhereTheWholeIntervalDoes) {
  const std::vector<ArmResult> results = {result("sgd", {0.5, 0.6, 0.7}), result("local", {0.52, 0.621, 0.719}),
                                          result("wild", {0.9, 0.2, 0.9})};
  const auto holds = [&](const std::string& arm, bool above, double points) {
    return judge({{.text = "", .arm = arm, .other = "sgd", .above = above, .points = points}}, results)[0].holds;
  };
  EXPECT_TRUE(holds("local", true, 0));
  EXPECT_TRUE(holds("local", true, 1.5));
  EXPECT_FALSE(holds("local", true, 1.9)) << "the mean is 2, the interval begins at 1.75";
  EXPECT_TRUE(holds("local", false, 3));
  EXPECT_FALSE(holds("wild", true, 0));
  EXPECT_FALSE(holds("wild", false, 0));
  EXPECT_FALSE(holds("absent", true, -100));
  const Verdict shown = judge({{.text = "local - sgd > 0", .arm = "local", .other = "sgd", .points = 0}}, results)[0];
  EXPECT_EQ(text_of(shown), "as expected, local - sgd > 0: +2.00 ± 0.25 points");
}

TEST_F(Comparisons, OneSeedShowsNothing) {
  const std::vector<ArmResult> results = {result("sgd", {0.5}), result("local", {0.9})};
  const Verdict verdict = judge({{.text = "local - sgd > 0", .arm = "local", .other = "sgd"}}, results)[0];
  EXPECT_FALSE(verdict.holds);
  EXPECT_EQ(text_of(verdict), "NOT SHOWN: local - sgd > 0: +40.00 points");
}

TEST_F(Comparisons, ATableHasColumnsOfOneWidth) {
  const std::string table = table_text({result("sgd", {0.5, 0.6}), result("a-longer-name", {NAN})});
  std::istringstream lines(table);
  std::string head, sgd, longer;
  std::getline(lines, head);
  std::getline(lines, sgd);
  std::getline(lines, longer);
  EXPECT_TRUE(head.starts_with("arm            seeds  test accuracy, %")) << table;
  EXPECT_EQ(head.find("state"), longer.find("finished")) << table;
  EXPECT_EQ(head.find("state") + 1, sgd.find("finished")) << table << "\n± has two bytes";
}

TEST_F(Comparisons, SummariesHaveNullWhereThereIsNoNumber) {
  const std::vector<ArmResult> results = {result("sgd", {0.5}), result("local", {NAN})};
  const Json summary = summary_json("mine", results, judge({}, results));
  EXPECT_EQ(summary.at("name"), "mine");
  EXPECT_EQ(summary.at("arms")[0].at("top1"), Json::array({0.5}));
  EXPECT_TRUE(summary.at("arms")[0].at("accuracy").at("low").is_null());
  EXPECT_TRUE(summary.at("arms")[1].at("top1")[0].is_null());
  EXPECT_NO_THROW(Json::parse(summary.dump()));
}

TEST_F(Comparisons, EveryRecipeIsOne) {
  int recipes = 0;
  for (const auto& entry : fs::directory_iterator(DRIFT_COMPARE_RECIPES)) {
    const Comparison comparison = read_comparison(entry.path(), {});
    EXPECT_GE(comparison.arms.size(), 2u) << entry.path();
    EXPECT_FALSE(comparison.expectations.empty()) << entry.path();
    ++recipes;
  }
  EXPECT_GE(recipes, 6);
}

}  // namespace
}  // namespace drift
