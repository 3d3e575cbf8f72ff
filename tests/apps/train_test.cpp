// Whole runs of the binary: what they leave behind, how they end, and that a stopped run goes on as if nothing had
// happened.
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <limits>
#include <set>

#include "core/json_lines.h"
#include "kernels/device.h"
#include "tests/apps/program.h"
#include "tests/apps/run_files.h"
#include "tests/support/scoped_variables.h"
#include "tests/support/seed.h"
#include "tests/support/temp_directory.h"

namespace drift {
namespace {

namespace fs = std::filesystem;
using testing::bytes_of;
using testing::Outcome;
using testing::run_drift;
using testing::timeless_metrics;

using Arguments = std::vector<std::string>;

Arguments small_run(const fs::path& out, const Arguments& more = {}) {
  Arguments arguments = {
      "train",         "--model",    "cifar-resnet8", "--data", "shapes:80:20", "--workers", "2",
      "--local-batch", "4",          "--algo",        "local",  "--period",     "3",         "--momentum",
      "0.9",           "--bn-stats", "reestimate:2",  "--out",  out.string()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

Json summary_of(const fs::path& run) {
  return Json::parse(bytes_of(run / "summary.json"));
}

// A line of a run of 150 steps, which shows every fifth: early enough that the run cannot end before the signal.
std::string seeded_line(std::uint64_t draw) {
  return fmt::format("step {}/150", 5 * (2 + (testing::seed() + draw * 7) % 19));  // 10 .. 100
}

TEST(Train, LeavesARunDirectoryAndOneResultLine) {
  const testing::TempDirectory directory;
  const fs::path run = directory / "run";
  const Outcome outcome = run_drift(small_run(run, {"--steps", "7", "--eval-every", "0.5"}));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 1);
  EXPECT_TRUE(outcome.out.starts_with("top1 0.")) << outcome.out;
  EXPECT_NE(outcome.out.find(fmt::format(") top5 {:.4f} loss ", summary_of(run).at("top5").get<double>())),
            std::string::npos)
      << outcome.out;
  EXPECT_TRUE(
      outcome.out.ends_with("| averaged model, batch-norm statistics re-estimated on 2 batches, momentum kept local\n"))
      << outcome.out;
  for (const char* file : {"config.toml", "cmd.txt", "env.json", "metrics.jsonl", "summary.json"}) {
    EXPECT_TRUE(fs::is_regular_file(run / file)) << file;
  }
  EXPECT_TRUE(fs::is_regular_file(run / "ckpt/step-7/model.safetensors"));
  std::string syncs;
  Arguments evaluated;
  for (const Json& line : read_json_lines(run / "metrics.jsonl")) {
    if (line.at("kind") == "step") syncs += line.at("sync") == "parameters" ? 'p' : '.';
    if (line.at("kind") == "eval") evaluated.push_back(line.at("step").dump());
  }
  EXPECT_EQ(syncs, "..p..pp");  // the last step ends a short round
  EXPECT_EQ(evaluated, (Arguments{"5", "7"}));
  EXPECT_EQ(summary_of(run).at("status"), "finished");

  const Outcome again = run_drift(small_run(run, {"--steps", "7", "--eval-every", "0.5"}));
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_NE(again.err.find("has a run in it: --resume "), std::string::npos) << again.err;
}

TEST(Train, ImagesHeldOutAreMeasuredInsteadOfTrainedOn) {
  const testing::TempDirectory directory;
  const fs::path run = directory / "run";
  const Outcome outcome = run_drift(small_run(run, {"--steps", "9", "--eval-every", "0.5", "--val-split", "0.25"}));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("(60 training images, 20 held out), 9 steps, 7 per epoch"), std::string::npos)
      << outcome.err;
  EXPECT_NE(outcome.out.find(" val top1 "), std::string::npos) << outcome.out;
  int evaluations = 0;
  for (const Json& line : read_json_lines(run / "metrics.jsonl")) {
    if (line.at("kind") != "eval") continue;
    ++evaluations;
    EXPECT_EQ(line.at("val_total"), 20);
    EXPECT_EQ(line.at("val_top1").get<double>(), line.at("val_correct").get<double>() / 20);
    EXPECT_EQ(line.at("val_top5").get<double>(), line.at("val_correct_top5").get<double>() / 20);
    EXPECT_GE(line.at("val_correct_top5"), line.at("val_correct"));
  }
  EXPECT_EQ(evaluations, 3);  // steps 4, 7 and 9
  EXPECT_FALSE(summary_of(run).at("best_step").is_null());
  const Outcome changed = run_drift({"train", "--resume", run.string(), "--val-split", "10"});
  EXPECT_EQ(changed.exit_code, 2) << changed.err;
  EXPECT_NE(changed.err.find("--val-split is 0.25 in the run to be resumed, and 10 here"), std::string::npos)
      << changed.err;
}

TEST(Train, QuietRunsPrintOnlyTheResult) {
  const testing::TempDirectory directory;
  const Outcome outcome = run_drift(small_run(directory / "run", {"--steps", "1", "-q"}));
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_NE(outcome.out, "");
}

TEST(Train, TheSameCommandGivesTheSameBits) {
  const testing::TempDirectory directory;
  for (const char* name : {"a", "b"}) {
    ASSERT_EQ(run_drift(small_run(directory / name, {"--steps", "5", "--loader-threads", name[0] == 'a' ? "0" : "2"}))
                  .exit_code,
              0);
  }
  EXPECT_EQ(timeless_metrics(directory / "a"), timeless_metrics(directory / "b"));
  EXPECT_EQ(bytes_of(directory / "a/ckpt/step-5/model.safetensors"),
            bytes_of(directory / "b/ckpt/step-5/model.safetensors"));
}

TEST(Train, ASignalStopsItWithACheckpointAndResumeGivesTheSameBits) {
  const testing::TempDirectory directory;
  const Arguments length = {"--steps", "150", "--eval-every", "2"};
  ASSERT_EQ(run_drift(small_run(directory / "whole", length)).exit_code, 0);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP, SIGXCPU}) {
    const fs::path run = directory / std::to_string(signal);
    const std::string line = seeded_line(static_cast<std::uint64_t>(signal));
    SCOPED_TRACE(fmt::format("signal {} at {}", signal, line));
    const Outcome stopped = testing::run_drift_and_signal(small_run(run, length), line, signal);
    ASSERT_EQ(stopped.exit_code, 75) << stopped.err;
    EXPECT_NE(stopped.err.find("--resume " + run.string()), std::string::npos) << stopped.err;
    EXPECT_EQ(summary_of(run).at("status"), "stopped");
    ASSERT_LT(summary_of(run).at("steps").get<int>(), 150);

    const Outcome resumed = run_drift({"train", "--resume", run.string()});
    ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
    EXPECT_EQ(timeless_metrics(run), timeless_metrics(directory / "whole"));
    EXPECT_EQ(bytes_of(run / "ckpt/step-150/model.safetensors"),
              bytes_of(directory / "whole/ckpt/step-150/model.safetensors"));
    EXPECT_EQ(summary_of(run).at("status"), "finished");
    EXPECT_EQ(summary_of(run).at("samples"), 150 * 8);
  }
}

TEST(Train, AKilledRunGoesOnFromItsNewestCheckpointWithTheSameBits) {
  const testing::TempDirectory directory;
  const Arguments length = {"--steps", "150", "--eval-every", "2", "--checkpoint-every", "0.8"};
  ASSERT_EQ(run_drift(small_run(directory / "whole", length)).exit_code, 0);
  const fs::path run = directory / "run";
  const std::string line = seeded_line(2);
  SCOPED_TRACE("killed at " + line);
  const Outcome killed = testing::run_drift_and_signal(small_run(run, length), line, SIGKILL);
  ASSERT_EQ(killed.exit_code, 128 + SIGKILL) << killed.err;
  ASSERT_FALSE(fs::exists(run / "ckpt/step-150"));

  const Outcome resumed = run_drift({"train", "--resume", run.string()});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(resumed.err.find("step 1/150"), std::string::npos) << "it started anew:\n" << resumed.err;
  EXPECT_EQ(timeless_metrics(run), timeless_metrics(directory / "whole"));
  EXPECT_EQ(bytes_of(run / "ckpt/step-150/model.safetensors"),
            bytes_of(directory / "whole/ckpt/step-150/model.safetensors"));
}

TEST(Train, TheSecondInterruptStopsItAtOnce) {
  const testing::TempDirectory directory;
  const fs::path run = directory / "run";
  // A step long enough that the second signal comes within the step of the first.
  const Arguments long_steps = {"train", "--model",       "resnet56", "--data", "shapes:80:20", "--steps",
                                "150",   "--local-batch", "64",       "--out",  run.string()};
  const Outcome stopped = testing::run_drift_and_insist(long_steps, "step 1/150", SIGINT);
  EXPECT_EQ(stopped.exit_code, 130) << stopped.err;
  EXPECT_FALSE(fs::exists(run / "ckpt"));
}

TEST(Train, AResumedRunRefusesOtherMaths) {
  const testing::TempDirectory directory;
  const fs::path run = directory / "run";
  ASSERT_EQ(run_drift(small_run(run, {"--steps", "3"})).exit_code, 0);
  const Outcome changed = run_drift({"train", "--resume", run.string(), "--lr", "0.2"});
  EXPECT_EQ(changed.exit_code, 2);
  EXPECT_NE(changed.err.find("--lr is 0.1 in the run to be resumed, and 0.2 here"), std::string::npos) << changed.err;
  // The run's own command line does not contradict it. There is nothing left to do but to evaluate.
  const Outcome same = run_drift(small_run(run, {"--steps", "3", "--resume", run.string(), "--threads", "1"}));
  EXPECT_EQ(same.exit_code, 0) << same.err;
}

TEST(Train, AResumedStepDirectoryMayGoOnElsewhere) {
  const testing::TempDirectory directory;
  ASSERT_EQ(run_drift(small_run(directory / "run", {"--steps", "6", "--checkpoint-every", "0.2"})).exit_code, 0);
  const fs::path step = directory / "run/ckpt/step-4";
  const Outcome outcome = run_drift({"train", "--resume", step.string(), "--out", (directory / "other").string()});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(timeless_metrics(directory / "other").front().at("step"), 4);
  EXPECT_EQ(bytes_of(directory / "other/ckpt/step-6/model.safetensors"),
            bytes_of(directory / "run/ckpt/step-6/model.safetensors"));
}

TEST(Train, DivergenceHasItsOwnExitCode) {
  const testing::TempDirectory directory;
  const Outcome outcome = run_drift(small_run(directory / "run", {"--steps", "30", "--lr", "1e30"}));
  EXPECT_EQ(outcome.exit_code, 7) << outcome.err;
  EXPECT_EQ(summary_of(directory / "run").at("status"), "diverged");
}

TEST(Eval, Bf16IsRefusedWhereItWouldBeEmulated) {
  if (cpu_features().bf16) GTEST_SKIP() << "this CPU has bf16";
  const Outcome outcome = run_drift({"eval", "--weights", "none.safetensors", "--precision", "bf16"});
  EXPECT_EQ(outcome.exit_code, 5);
  EXPECT_NE(outcome.err.find("--precision fp32"), std::string::npos) << outcome.err;
}

TEST(Train, ARunThatDivergesSavesNothingOfItAndNamesTheLastSoundCheckpoint) {
  const testing::TempDirectory directory;
  const fs::path run = directory / "run";
  const Outcome outcome = run_drift({"train",
                                     "-q",
                                     "--model",
                                     "cifar-resnet8",
                                     "--norm",
                                     "group",
                                     "--data",
                                     "shapes:80:20",
                                     "--local-batch",
                                     "8",
                                     "--lr",
                                     "1e12",
                                     "--steps",
                                     "20",
                                     "--steps-per-epoch",
                                     "1",
                                     "--checkpoint-every",
                                     "1",
                                     "--out",
                                     run.string()});
  EXPECT_EQ(outcome.exit_code, 7) << outcome.err;
  const Json summary = summary_of(run);
  EXPECT_EQ(summary.at("status"), "diverged");
  const Json& accuracy = summary.at("top1");
  EXPECT_TRUE(accuracy.is_null() || accuracy.get<double>() < 0.9) << accuracy;
  std::vector<fs::path> checkpoints;
  if (fs::exists(run / "ckpt")) checkpoints.assign(fs::directory_iterator(run / "ckpt"), {});
  ASSERT_FALSE(checkpoints.empty()) << outcome.err;
  EXPECT_NE(outcome.err.find("The last checkpoint, " + (run / "ckpt/step-").string()), std::string::npos)
      << outcome.err;
  // What is left can be gone on from: it diverges again, and does not fail to be read.
  EXPECT_EQ(run_drift({"train", "-q", "--resume", run.string()}).exit_code, 7);
}

TEST(Train, StatisticsThatOverflowEndTheRunWithoutACheckpoint) {
  const testing::TempDirectory directory;
  const fs::path run = directory / "run";
  const Outcome outcome =
      run_drift({"train", "-q", "--model", "cifar-resnet8", "--data", "shapes:80:20", "--local-batch", "8", "--lr",
                 "1e12", "--steps", "12", "--bn-stats", "average", "--out", run.string()});
  EXPECT_EQ(outcome.exit_code, 7) << outcome.err;
  EXPECT_FALSE(fs::exists(run / "ckpt"));
  EXPECT_NE(outcome.err.find("There is no checkpoint of this run"), std::string::npos) << outcome.err;
}

// Weights of a network that hold one NaN, as a file.
fs::path weights_with_a_nan(const fs::path& directory) {
  const fs::path run = directory / "sound", file = directory / "nan.safetensors";
  EXPECT_EQ(run_drift(small_run(run, {"--steps", "3"})).exit_code, 0);
  std::string bytes = bytes_of(run / "ckpt/step-3/model.safetensors");
  std::uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof header);
  const Json entries = Json::parse(bytes.substr(sizeof header, header));
  const auto begin = entries.at("conv1.weight").at("data_offsets").at(0).get<std::size_t>();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(bytes.data() + sizeof header + header + begin, &nan, sizeof nan);
  std::ofstream(file, std::ios::binary) << bytes;
  return file;
}

TEST(Train, WeightsThatAreNotFiniteEndItAtTheFirstStep) {
  const testing::TempDirectory directory;
  const fs::path weights = weights_with_a_nan(directory.path());
  const Outcome outcome = run_drift(small_run(directory / "run", {"--steps", "6", "--weights", weights.string()}));
  EXPECT_EQ(outcome.exit_code, 7) << outcome.err;
  EXPECT_NE(outcome.err.find("the loss is nan at step 0"), std::string::npos) << outcome.err;
}

TEST(Eval, WeightsThatAreNotFiniteHitNothing) {
  const testing::TempDirectory directory;
  const fs::path weights = weights_with_a_nan(directory.path());
  const Outcome outcome =
      run_drift({"eval", "--weights", weights.string(), "--model", "cifar-resnet8", "--data", "shapes:80:20"});
  EXPECT_EQ(outcome.exit_code, 7) << outcome.err;
  EXPECT_TRUE(outcome.out.starts_with("correct 0/20  top1 0.0000  top5 0.0000  loss nan")) << outcome.out;
  EXPECT_NE(outcome.err.find("not finite: 1 of the parameters"), std::string::npos) << outcome.err;
}

TEST(Eval, MeasuresWhatTrainingMeasured) {
  const testing::TempDirectory directory;
  const fs::path run = directory / "run";
  ASSERT_EQ(run_drift(small_run(run, {"--steps", "5"})).exit_code, 0);
  const Arguments arguments = {"eval",         "--weights",     (run / "ckpt/step-5/model.safetensors").string(),
                               "--model",      "cifar-resnet8", "--data",
                               "shapes:80:20", "--local-batch", "4"};
  Arguments json = arguments;
  json.push_back("--json");
  const Json stored = Json::parse(run_drift(json).out);
  const Json summary = summary_of(run);
  EXPECT_EQ(stored.at("correct"), summary.at("correct"));
  EXPECT_EQ(stored.at("loss"), summary.at("loss"));
  EXPECT_EQ(stored.at("total"), 20);
  json.insert(json.end(), {"--bn-stats", "reestimate:1"});
  EXPECT_NE(Json::parse(run_drift(json).out).at("loss"), summary.at("loss"));
  const Outcome text = run_drift(arguments);
  EXPECT_TRUE(text.out.starts_with("correct ")) << text.out;
}

// The weights belong to the pixels that they were trained on.
TEST(Eval, NormalisesAsTrainingDidWhereItIsTold) {
  const testing::TempDirectory directory;
  const auto loss = [&](const fs::path& run, const char* normalisation) {
    return Json::parse(
               run_drift({"eval", "--weights", (run / "ckpt/step-5/model.safetensors").string(), "--model",
                          "cifar-resnet8", "--data", "shapes:80:20", "--normalisation", normalisation, "--json"})
                   .out)
        .at("loss")
        .get<double>();
  };
  std::set<double> losses;
  for (const char* normalisation : {"paper", "pixels", "imagenet"}) {
    const fs::path run = directory / normalisation;
    ASSERT_EQ(run_drift(small_run(run, {"--steps", "5", "--normalisation", normalisation})).exit_code, 0);
    EXPECT_EQ(loss(run, normalisation), summary_of(run).at("loss")) << normalisation;
    losses.insert(loss(run, normalisation));
    const Outcome resumed = run_drift({"train", "--resume", run.string(), "--normalisation", "paper"});
    EXPECT_EQ(resumed.exit_code, normalisation == std::string_view("paper") ? 0 : 2) << resumed.err;
  }
  EXPECT_EQ(losses.size(), 3u);
  EXPECT_NE(loss(directory / "pixels", "paper"), loss(directory / "pixels", "pixels"));
}

TEST(Train, HalfOfWhatALauncherSaysIsRefused) {
  const testing::ScopedVariables variables(testing::ScopedVariables::Values{{"WORLD_SIZE", "2"}});
  const Outcome outcome = run_drift({"train", "--recipe", DRIFT_RECIPES "/quickstart.toml"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_NE(outcome.err.find("RANK does not say which one this is"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace drift
