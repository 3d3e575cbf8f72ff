// drift eval of a run: without a flag it measures what training measured, flags beat the run's settings, and one
// damaged checkpoint hides no other.
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>

#include "core/json_lines.h"
#include "tests/apps/program.h"
#include "tests/apps/run_files.h"
#include "tests/apps/tiny_run.h"
#include "tests/support/file_damage.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {
namespace {

namespace fs = std::filesystem;

// Six steps an epoch, checkpoints after every third.
class EvalOfARun : public ::testing::Test {
 protected:
  void SetUp() override {
    const Outcome outcome = run_drift(
        train_into(run_,
                   {"--norm", "group", "--groups", "4", "--seed", "7", "--eval-batch", "6", "--val-split", "16",
                    "--keep-best", "--checkpoint-every", "0.5", "--eval-every", "0.5", "--keep-checkpoints", "0"},
                   {.steps = "12", .data = "shapes:64:20"}));
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  }
  static Outcome eval(const fs::path& path, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"eval", path.string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_drift(arguments);
  }
  Json summary() const { return Json::parse(bytes_of(run_ / "summary.json")); }

  TempDirectory directory_;
  const fs::path run_ = directory_ / "run";
};

TEST_F(EvalOfARun, MeasuresWhatTrainingMeasuredWithoutAFlag) {
  const Json newest = Json::parse(eval(run_, {"--json"}).out);
  for (const char* key : {"correct", "total", "top1", "top5", "correct_top5", "loss", "val_correct", "val_total",
                          "val_top1", "val_top5", "val_correct_top5", "val_loss"}) {
    EXPECT_EQ(newest.at(key), summary().at(key)) << key;
  }
  EXPECT_EQ(newest.at("step"), 12);
  const Json best = Json::parse(eval(run_ / "best", {"--json"}).out);
  EXPECT_EQ(best.at("step"), summary().at("best_step"));
  EXPECT_EQ(best.at("val_top1"), summary().at("best_val_top1"));
  EXPECT_EQ(best.at("val_top5"), summary().at("best_val_top5"));
  EXPECT_EQ(best.at("top1"), summary().at("best_test_top1"));
  EXPECT_EQ(best.at("top5"), summary().at("best_test_top5"));
  const Outcome line = eval(run_ / "ckpt/step-6");
  EXPECT_TRUE(line.out.starts_with("correct ")) << line.out;
  EXPECT_NE(line.out.find(" val top1 "), std::string::npos) << line.out;
  EXPECT_TRUE(line.out.ends_with("| step 6 of cifar-resnet8 fp32, batch-norm statistics as stored\n")) << line.out;
}

TEST_F(EvalOfARun, FlagsBeatItsSettings) {
  const Json other = Json::parse(eval(run_, {"--data", "shapes:64:8", "--val-split", "4", "--json"}).out);
  EXPECT_EQ(other.at("total"), 8);
  EXPECT_EQ(other.at("val_total"), 4);
  EXPECT_FALSE(Json::parse(eval(run_, {"--val-split", "0", "--json"}).out).contains("val_total"));
  const Outcome classes = eval(run_, {"--classes", "7"});
  EXPECT_EQ(classes.exit_code, 8);
  EXPECT_NE(classes.err.find("give --classes 10"), std::string::npos) << classes.err;
  const Outcome groups = eval(run_, {"--groups", "8"});
  EXPECT_EQ(groups.exit_code, 8);
  EXPECT_NE(groups.err.find("was trained with 4 groups, the model has 8: give --groups 4"), std::string::npos)
      << groups.err;
}

TEST_F(EvalOfARun, ADamagedCheckpointIsNamedAndHidesNoOther) {
  flip_middle_bit(run_ / "ckpt/step-6/model.safetensors");
  const Outcome table = eval(run_, {"--all-checkpoints"});
  EXPECT_EQ(table.exit_code, 8);
  const Outcome listed = eval(run_, {"--all-checkpoints", "--json"});
  EXPECT_EQ(listed.exit_code, 8);
  EXPECT_NE(listed.err.find("step-6/model.safetensors: damaged"), std::string::npos) << listed.err;
  const Json all = Json::parse(listed.out);
  ASSERT_EQ(all.size(), 5u);
  Step last = 0;
  for (const Json& one : all) {
    const std::string path = one.at("checkpoint");
    EXPECT_NE(table.out.find(path), std::string::npos) << path << "\n" << table.out;
    if (path.ends_with("ckpt/step-6")) {
      EXPECT_NE(one.at("error").get<std::string>().find("damaged"), std::string::npos);
      EXPECT_FALSE(one.contains("top1"));
      continue;
    }
    EXPECT_GE(one.at("step").get<Step>(), last);
    last = one.at("step").get<Step>();
    EXPECT_EQ(one.at("total"), 20);
    EXPECT_FALSE(one.contains("error"));
  }
  EXPECT_EQ(last, 12);
}

TEST(Eval, SaysThatACheckpointOfASignalHasOtherStatistics) {
  const TempDirectory directory;
  const fs::path run = directory / "run";
  const Outcome stopped =
      run_drift_and_signal(train_into(run, {"--eval-every", "0"}, {.steps = "150"}), "step 10/150", SIGTERM);
  ASSERT_EQ(stopped.exit_code, 75) << stopped.err;
  const Outcome stored = run_drift({"eval", run.string()});
  EXPECT_EQ(stored.exit_code, 0) << stored.err;
  EXPECT_NE(stored.out.find("statistics provisional, the workers' mean"), std::string::npos) << stored.out;
  EXPECT_TRUE(Json::parse(run_drift({"eval", run.string(), "--json"}).out).at("provisional").get<bool>());
  const Outcome reestimated = run_drift({"eval", run.string(), "--bn-stats", "reestimate:2"});
  EXPECT_NE(reestimated.out.find("statistics re-estimated on 2 batches of 4"), std::string::npos) << reestimated.out;
}

}  // namespace
}  // namespace drift::testing
