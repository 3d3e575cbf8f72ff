// drift train --print-plan: what it says is what a run then leaves, and it needs neither data nor device.
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/apps/program.h"
#include "tests/apps/run_files.h"
#include "tests/apps/tiny_run.h"
#include "tests/support/scoped_variables.h"
#include "tests/support/temp_directory.h"
#include "train/config/toml.h"
#include "train/run_plan.h"

namespace drift::testing {
namespace {

namespace fs = std::filesystem;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(PrintPlan, EveryRecipeHasOneWithoutItsData) {
  const TempDirectory empty;
  for (const auto& entry : fs::directory_iterator(DRIFT_RECIPES)) {
    if (entry.is_directory()) continue;  // of comparisons
    const Outcome plan = run_drift_within({.directory = empty.path()},
                                          {"train", "--recipe", fs::absolute(entry.path()).string(), "--print-plan"});
    EXPECT_EQ(plan.exit_code, 0) << entry.path() << ": " << plan.err;
    EXPECT_EQ(plan.err, "");
    for (const char* part : {"\nlength ", "\nsent ", "learning rate\n", "\nmemory of the process"}) {
      EXPECT_TRUE(has(plan.out, part)) << plan.out;
    }
  }
  EXPECT_TRUE(fs::is_empty(empty.path())) << "nothing began";
}

TEST(PrintPlan, ARunLeavesWhatItSays) {
  const TempDirectory directory;
  const fs::path run = directory / "run";
  std::vector<std::string> arguments =
      train_into(run, {"--algo", "post-local", "--switch-step", "3", "--period", "4", "--sync-momentum", "average",
                       "--momentum", "0.9", "--eval-every", "0.5", "--checkpoint-every", "0.8", "--keep-checkpoints",
                       "0", "--checkpoint-minutes", "0"});
  ASSERT_EQ(run_drift(arguments).exit_code, 0);
  const TrainConfig config = config_from_toml(bytes_of(run / "config.toml"));
  const DataSource data = open_split(config.data, config.seed);
  const RunPlan plan = plan_run(config, &data, 1);

  double bytes = 0;
  std::string syncs;
  std::int64_t evaluations = 0;
  for (const Json& line : read_json_lines(run / "metrics.jsonl")) {
    if (line.at("kind") == "eval") ++evaluations;
    if (line.at("kind") != "step") continue;
    bytes += line.at("bytes").get<double>();
    syncs += line.at("sync").get<std::string>().front();
  }
  EXPECT_EQ(syncs, "gggnnnpnnnpp");
  EXPECT_EQ(plan.phases, (std::vector<Phase>{{Sync::kGradients, 0, 3, 3}, {Sync::kParameters, 3, 12, 3}}));
  EXPECT_EQ(Json::parse(bytes_of(run / "summary.json")).at("bytes").get<double>(), plan.bytes);
  EXPECT_EQ(bytes, plan.bytes);
  EXPECT_EQ(evaluations, plan.evaluations);
  EXPECT_EQ(std::distance(fs::directory_iterator(run / "ckpt"), fs::directory_iterator()), plan.checkpoints);
  double checkpoint = 0;
  for (const auto& file : fs::directory_iterator(run / "ckpt/step-12")) {
    checkpoint += static_cast<double>(fs::file_size(file));
  }
  EXPECT_GE(checkpoint, 0.99 * plan.checkpoint_bytes);  // of the model's file no padding
  EXPECT_LE(checkpoint, 1.03 * plan.checkpoint_bytes);  // names, shapes, the config

  arguments.push_back("--print-plan");
  const Outcome printed = run_drift(arguments);
  EXPECT_EQ(printed.exit_code, 0) << printed.err;
  EXPECT_TRUE(has(printed.out, "parameters, 3 times")) << printed.out;
}

TEST(PrintPlan, SaysWhichNumberIsMissing) {
  const std::vector<std::string> arguments = {"train", "--data", "cifar10:/does/not/exist", "--print-plan"};
  const Outcome missing = run_drift(arguments);
  EXPECT_EQ(missing.exit_code, 4);
  EXPECT_TRUE(has(missing.err, "/does/not/exist: no such directory")) << missing.err;
  EXPECT_TRUE(has(missing.err, "Give --train-images N, or --steps-per-epoch N")) << missing.err;
  EXPECT_EQ(missing.out, "");
  for (const char* flag : {"--train-images", "--steps-per-epoch"}) {
    std::vector<std::string> given = arguments;
    given.insert(given.end(), {flag, "390"});
    EXPECT_EQ(run_drift(given).exit_code, 0) << flag;
  }
}

// Of the processes that are launched, one says it, for all of them.
TEST(PrintPlan, IsOfAsManyProcessesAsAreLaunched) {
  const auto print_plan = [](const char* process) {
    const ScopedVariables variables(
        ScopedVariables::Values{{"OMPI_COMM_WORLD_RANK", process}, {"OMPI_COMM_WORLD_SIZE", "8"}});
    return run_drift({"train", "--recipe", DRIFT_RECIPES "/fig1b.toml", "--print-plan"});
  };
  const Outcome first = print_plan("0"), last = print_plan("7");
  EXPECT_TRUE(has(first.out, "8 processes\n")) << first.out;
  EXPECT_TRUE(has(first.out, "32 x 306.9 MB: parameters")) << first.out;
  EXPECT_FALSE(has(first.out, "So it would not begin")) << first.out;
  EXPECT_EQ(last.exit_code, 0);
  EXPECT_EQ(last.out + last.err, "");
}

}  // namespace
}  // namespace drift::testing
