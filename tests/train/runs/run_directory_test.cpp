// What a run leaves behind: lines that stay whole, numbers that read back, metrics cut where a resumed run begins.
#include "train/runs/run_directory.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <limits>
#include <optional>
#include <utility>

#include "core/check.h"
#include "tests/support/error_of.h"
#include "tests/support/temp_directory.h"
#include "train/config/toml.h"
#include "train/environment.h"

namespace drift {
namespace {

using testing::error_of;

namespace fs = std::filesystem;

TrainConfig small_config() {
  TrainConfig config;
  config.sync.workers = 2;
  config.sync.local_batch = 5;
  config.files.name = "try";
  return config;
}

StepRecord record_of(Step step, double loss = 1.5) {
  StepRecord record;
  record.step = step;
  record.epoch = static_cast<double>(step + 1) / 3;
  record.samples = 10 * (step + 1);
  record.loss = loss;
  record.lr = 0.1;
  record.sync = Sync::kParameters;
  record.seconds = 0.5;
  record.images_per_second = 20;
  record.times.data_seconds = 0.125;
  record.times.forward_seconds = 0.25;
  record.times.backward_seconds = 0.5;
  record.times.update_seconds = 1;
  record.times.comm_seconds = 2;
  record.bytes = 100;
  return record;
}

// held_out: of 50 images, how many are hit. At 5 there is one hit more.
EvalRecord evaluation_of(Step step, std::int64_t correct, std::optional<std::int64_t> held_out = std::nullopt) {
  EvalRecord record;
  record.step = step;
  record.correct = correct;
  record.total = 100;
  record.top1 = static_cast<double>(correct) / 100;
  record.correct_top5 = correct + 1;
  record.top5 = static_cast<double>(correct + 1) / 100;
  record.loss = 0.25;
  record.seconds = 2;
  if (held_out) {
    record.validation = {.loss = 0.5,
                         .top1 = static_cast<double>(*held_out) / 50,
                         .top5 = static_cast<double>(*held_out + 1) / 50,
                         .correct = *held_out,
                         .correct_top5 = *held_out + 1,
                         .total = 50};
  }
  return record;
}

// The lines of steps and evaluations: what a resumed run shares with an uninterrupted one.
std::vector<Json> measured(const fs::path& run) {
  std::vector<Json> lines = read_json_lines(run / "metrics.jsonl");
  std::erase_if(lines, [](const Json& line) { return line.at("kind") != "step" && line.at("kind") != "eval"; });
  return lines;
}

// "begin 0, step 0, eval 1": kinds and steps.
std::string outline(const fs::path& run) {
  std::string text;
  for (const Json& line : read_json_lines(run / "metrics.jsonl")) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", line.at("kind").get<std::string>(),
                        line.at("step").get<Step>());
  }
  return text;
}

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(RunDirectory, HoldsConfigCommandEnvironmentAndMetrics) {
  const testing::TempDirectory directory;
  const TrainConfig config = small_config();
  Json description = describe_environment();
  description["setup"] = {{"threads", 2}};
  const auto run = RunDirectory::create(directory / "a/b", {config, "drift train --lr 1", description});
  EXPECT_EQ(text_of(run->path() / "config.toml"), config_to_toml(config));
  EXPECT_EQ(text_of(run->path() / "cmd.txt"), "drift train --lr 1\n");
  const Json environment = Json::parse(text_of(run->path() / "env.json"));
  EXPECT_TRUE(environment.contains("cpu"));
  EXPECT_TRUE(environment.at("build").contains("oneDNN"));
  EXPECT_EQ(environment.at("setup").at("threads"), 2);
  run->step(record_of(0));
  run->evaluation(evaluation_of(1, 60));
  // While the run is open: a killed program leaves this.
  const std::vector<Json> lines = measured(run->path());
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].at("kind"), "step");
  EXPECT_EQ(lines[0].at("sync"), "parameters");
  EXPECT_EQ(lines[0].at("img_s"), 20.0);
  EXPECT_EQ(lines[0].at("t_data"), 0.125);
  EXPECT_EQ(lines[0].at("t_fwd"), 0.25);
  EXPECT_EQ(lines[0].at("t_bwd"), 0.5);
  EXPECT_EQ(lines[0].at("t_opt"), 1.0);
  EXPECT_EQ(lines[0].at("t_compute"), 1.75);
  EXPECT_EQ(lines[0].at("t_comm"), 2.0);
  EXPECT_EQ(lines[1].at("kind"), "eval");
  EXPECT_EQ(lines[1].at("correct"), 60);
  EXPECT_EQ(lines[1].at("correct_top5"), 61);
  EXPECT_EQ(lines[1].at("top5"), 0.61);
}

TEST(RunDirectory, NumbersReadBackToTheSameBits) {
  const testing::TempDirectory directory;
  const auto run = RunDirectory::create(directory / "run", {small_config(), ""});
  const std::vector<double> losses = {0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, 2.0};
  for (const double loss : losses) run->step(record_of(0, loss));
  const std::vector<Json> lines = measured(run->path());
  ASSERT_EQ(lines.size(), losses.size());
  for (std::size_t i = 0; i < losses.size(); ++i) EXPECT_EQ(lines[i].at("loss").get<double>(), losses[i]);
}

TEST(RunDirectory, ADivergedLossIsNull) {
  const testing::TempDirectory directory;
  const auto run = RunDirectory::create(directory / "run", {small_config(), ""});
  run->step(record_of(0, std::nan("")));
  run->step(record_of(1, std::numeric_limits<double>::infinity()));
  for (const Json& line : measured(run->path())) EXPECT_TRUE(line.at("loss").is_null());
  EXPECT_EQ(run->write_summary({"diverged", "loss is not finite", ""}).at("status"), "diverged");
  EXPECT_TRUE(Json::parse(text_of(run->path() / "summary.json")).at("train_loss").is_null());
}

TEST(RunDirectory, NeverWritesIntoSomebodyElsesDirectory) {
  const testing::TempDirectory directory;
  std::ofstream(directory / "file") << "x";
  EXPECT_EQ(error_of([&] { RunDirectory::create(directory.path(), {small_config(), ""}); }).kind(), ErrorKind::kUsage);
  EXPECT_EQ(error_of([&] {
              RunDirectory::create(directory / "file", {small_config(), ""});
            }).kind(),
            ErrorKind::kUsage);
  fs::create_directory(directory / "empty");
  EXPECT_NO_THROW(RunDirectory::create(directory / "empty", {small_config(), ""}));
}

TEST(RunDirectory, AResumedRunReadsLikeAnUninterruptedOne) {
  const testing::TempDirectory directory;
  const auto record_steps = [](RunDirectory& run, Step first, Step last) {
    for (Step step = first; step < last; ++step) {
      run.step(record_of(step, 1.0 / static_cast<double>(step + 1)));
      if (step == 1) run.evaluation(evaluation_of(2, 80));
      if (step == 3) run.evaluation(evaluation_of(4, 70));
    }
  };
  const auto whole = RunDirectory::create(directory / "whole", {small_config(), "first"});
  record_steps(*whole, 0, 6);
  const Json expected = whole->write_summary({"finished", "", "scope"});

  { record_steps(*RunDirectory::create(directory / "cut", {small_config(), "first"}), 0, 5); }
  std::ofstream(directory / "cut/metrics.jsonl", std::ios::app) << "{\"kind\":\"st";  // torn by a crash
  const auto again = RunDirectory::reopen(directory / "cut", {small_config(), "first"}, 3);
  EXPECT_EQ(outline(directory / "cut"), "begin 0, step 0, step 1, eval 2, step 2, begin 3");
  record_steps(*again, 3, 6);
  EXPECT_EQ(measured(directory / "cut"), measured(directory / "whole"));
  EXPECT_EQ(again->write_summary({"finished", "", "scope"}), expected);
  EXPECT_EQ(text_of(directory / "cut/cmd.txt"), "first\nfirst\n");
}

TEST(RunDirectory, AnEvaluationAtTheResumedStepIsCutBecauseItIsDoneAgain) {
  const testing::TempDirectory directory;
  {
    const auto run = RunDirectory::create(directory / "run", {small_config(), ""});
    run->step(record_of(0));
    run->evaluation(evaluation_of(1, 50));
  }
  RunDirectory::reopen(directory / "run", {small_config(), ""}, 1);
  EXPECT_EQ(outline(directory / "run"), "begin 0, step 0, begin 1");
}

TEST(RunDirectory, ADamagedMetricsFileIsAnErrorThatNamesTheLine) {
  const testing::TempDirectory directory;
  RunDirectory::create(directory / "run", {small_config(), ""})->step(record_of(0));
  std::ofstream(directory / "run/metrics.jsonl", std::ios::app) << "garbage\n";
  const Error error = error_of([&] { RunDirectory::reopen(directory / "run", {small_config(), ""}, 1); });
  EXPECT_NE(error.message().find("metrics.jsonl:3"), std::string::npos) << error.message();
}

// Records of an earlier version have no top-5.
TEST(RunDirectory, AnEvaluationWithoutTop5IsTaken) {
  const testing::TempDirectory directory;
  {
    const auto run = RunDirectory::create(directory / "run", {small_config(), ""});
    run->step(record_of(0));
    run->step(record_of(1));
  }
  std::ofstream(directory / "run/metrics.jsonl", std::ios::app)
      << R"({"kind":"eval","step":1,"epoch":1,"loss":2,"top1":0.5,"correct":4,"total":8,"t_eval":1})"
      << "\n";
  const auto run = RunDirectory::reopen(directory / "run", {small_config(), ""}, 2);
  const Json summary = run->write_summary({"finished", "", ""});
  EXPECT_EQ(summary.at("top1"), 0.5);
  EXPECT_TRUE(summary.at("top5").is_null());
}

TEST(RunDirectory, SaysWhoWorkedOnItAndWhenThatEnded) {
  const testing::TempDirectory directory;
  {
    const auto run = RunDirectory::create(directory / "run", {small_config(), ""});
    run->step(record_of(0));
    run->checkpoint({.step = 1, .path = "ckpt/step-1", .seconds = 0.5});
    run->write_summary({"stopped", "by a signal", ""});
  }
  const auto run = RunDirectory::reopen(directory / "run", {small_config(), ""}, 1);
  run->step(record_of(1));
  run->write_summary({"finished", "", ""});
  EXPECT_EQ(outline(directory / "run"), "begin 0, step 0, checkpoint 1, end 1, begin 1, step 1, end 2");
  const std::vector<Json> lines = read_json_lines(directory / "run/metrics.jsonl");
  EXPECT_EQ(lines[2].at("path"), "ckpt/step-1");
  EXPECT_EQ(lines[3].at("status"), "stopped");
  EXPECT_EQ(lines[6].at("status"), "finished");
  const auto time = lines[6].at("time").get<std::string>();
  EXPECT_TRUE(time.starts_with("20") && time.ends_with("Z") && time.size() == 20) << time;
  RunDirectory::create(directory / "branch", {.config = small_config(), .command = "", .first_step = 7});
  EXPECT_EQ(outline(directory / "branch"), "begin 7");
}

TEST(RunDirectory, SummaryAddsUp) {
  const testing::TempDirectory directory;
  const auto run = RunDirectory::create(directory / "run", {small_config(), "drift train"});
  for (Step step = 0; step < 4; ++step) run->step(record_of(step));
  run->evaluation(evaluation_of(2, 80));
  run->evaluation(evaluation_of(4, 70));
  const Json summary = run->write_summary({"finished", "", "averaged model"});
  EXPECT_EQ(summary.at("top1"), 0.7);
  EXPECT_EQ(summary.at("top5"), 0.71);
  EXPECT_EQ(summary.at("correct_top5"), 71);
  for (const char* key : {"best_step", "best_val_top1", "best_test_top1", "val_top1", "val_correct", "val_total"}) {
    EXPECT_TRUE(summary.at(key).is_null()) << key;  // nothing is chosen by the test set
  }
  EXPECT_FALSE(summary.contains("best_top1"));
  EXPECT_EQ(summary.at("bytes"), 400);
  EXPECT_EQ(summary.at("img_s"), 20.0);
  EXPECT_EQ(summary.at("train_seconds"), 2.0);
  EXPECT_EQ(summary.at("steps"), 4);
  EXPECT_EQ(summary.at("command"), "drift train");
}

TEST(RunDirectory, TheBestIsTheFirstOfTheBestOnTheImagesHeldOut) {
  const testing::TempDirectory directory;
  const auto expect_best = [](RunDirectory& run, Step step, double val_top1, double test_top1) {
    const Json summary = run.write_summary({"finished", "", ""});
    EXPECT_EQ(summary.at("best_step"), step);
    EXPECT_EQ(summary.at("best_val_top1"), val_top1);
    EXPECT_EQ(summary.at("best_test_top1"), test_top1);
    EXPECT_EQ(run.best_evaluation(), (BestEvaluation{.step = step, .val_top1 = val_top1}));
  };
  {
    const auto run = RunDirectory::create(directory / "run", {small_config(), ""});
    EXPECT_FALSE(run->best_evaluation());
    for (Step step = 0; step < 4; ++step) run->step(record_of(step));
    run->evaluation(evaluation_of(1, 90, 40));
    run->evaluation(evaluation_of(2, 60, 45));
    run->evaluation(evaluation_of(3, 95, 45));
    run->evaluation(evaluation_of(4, 99, 44));
    expect_best(*run, 2, 0.9, 0.6);
    const Json summary = run->write_summary({"finished", "", ""});
    EXPECT_EQ(summary.at("val_top1"), 0.88);
    EXPECT_EQ(summary.at("val_correct"), 44);
    EXPECT_EQ(summary.at("val_top5"), 0.9);
    EXPECT_EQ(summary.at("val_correct_top5"), 45);
    EXPECT_EQ(summary.at("best_val_top5"), 0.92);
    EXPECT_EQ(summary.at("best_test_top5"), 0.61);
    EXPECT_EQ(summary.at("val_total"), 50);
    EXPECT_EQ(summary.at("val_loss"), 0.5);
  }
  expect_best(*RunDirectory::reopen(directory / "run", {small_config(), ""}, 4), 2, 0.9, 0.6);
  expect_best(*RunDirectory::reopen(directory / "run", {small_config(), ""}, 2), 1, 0.8, 0.9);
}

TEST(RunDirectory, NamesItselfAfterTimeModelAndAlgorithm) {
  TrainConfig config;
  config.sync.algorithm = Algorithm::kPostLocal;
  const std::string path = default_run_directory(config).string();
  EXPECT_TRUE(path.starts_with("runs/2")) << path;
  EXPECT_TRUE(path.ends_with("-resnet20-post-local")) << path;
  config.files.name = "mine";
  EXPECT_TRUE(default_run_directory(config).string().ends_with("-mine"));
}

TEST(RunDirectory, IsFoundFromItsCheckpoints) {
  const testing::TempDirectory directory;
  // A run, one that was killed before its first checkpoint but the best, one of that name, and no run.
  for (const char* step : {"run/ckpt/step-3", "short/best/step-2", "best/ckpt/step-3", "alone/step-3"}) {
    fs::create_directories(directory / step);
  }
  const std::pair<const char*, const char*> cases[] = {{"run", "run"},
                                                       {"run/", "run"},
                                                       {"run/ckpt", "run"},
                                                       {"run/ckpt/step-3/", "run"},
                                                       {"short", "short"},
                                                       {"short/best", "short"},
                                                       {"short/best/step-2/", "short"},
                                                       {"best", "best"},
                                                       {"best/ckpt", "best"},
                                                       {"best/ckpt/step-3", "best"}};
  for (const auto& [resume, run] : cases) EXPECT_EQ(run_directory_of(directory / resume), directory / run) << resume;
  EXPECT_EQ(run_directory_of(directory / "alone/step-3"), "");
}

}  // namespace
}  // namespace drift
