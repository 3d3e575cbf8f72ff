// How runs go on: by the same command, elsewhere, under another name of their data, from what is sound, and as
// branches.
#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>

#include "kernels/device.h"
#include "tests/apps/program.h"
#include "tests/apps/run_files.h"
#include "tests/apps/tiny_run.h"
#include "tests/support/file_damage.h"
#include "tests/support/seed.h"
#include "tests/support/temp_directory.h"
#include "train/config/toml.h"

namespace drift::testing {
namespace {

namespace fs = std::filesystem;
using Arguments = std::vector<std::string>;

void expect_ends(const Outcome& outcome, int exit_code, const std::string& says) {
  EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
  EXPECT_NE(outcome.err.find(says), std::string::npos) << "expected: " << says << "\nfound: " << outcome.err;
}

Json branch_of(const fs::path& run) {
  return Json::parse(bytes_of(run / "branch.json"));
}

TrainConfig config_of(const fs::path& run) {
  return config_from_toml(bytes_of(run / "config.toml"));
}

// A small run's command line, with some of its values and others beside them.
Arguments tiny(const fs::path& out, const Flags& more = {}) {
  return train_with(more, {{"--model", "cifar-resnet8"},
                           {"--data", "shapes:40:20"},
                           {"--steps", "12"},
                           {"--local-batch", "4"},
                           {"--workers", "2"},
                           {"--bn-stats", "reestimate:2"},
                           {"--threads", "1"},
                           {"--out", out.string()}});
}

class Resume : public ::testing::Test {
 protected:
  void train(const fs::path& run, const Flags& more = {}) {
    const Outcome outcome = run_drift(tiny(run, more));
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  }
  // 40 images make 5 steps of 2 workers with 4 images each.
  const Flags every_3_steps_ = {{"--checkpoint-every", "0.6"},
                                {"--keep-checkpoints", "0"},
                                {"--algo", "local"},
                                {"--period", "4"},
                                {"--momentum", "0.9"}};
  // As if it had been killed after step 9.
  void lose_the_end(const fs::path& run) { fs::remove_all(run / "ckpt/step-12"); }

  TempDirectory directory_;
};

// CIFAR-10's layout, small.
void write_cifar(const fs::path& directory, char shift = 0) {
  fs::create_directories(directory);
  for (const char* name :
       {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"}) {
    std::ofstream file(directory / fmt::format("{}.bin", name), std::ios::binary);
    for (int image = 0; image < 8; ++image) {
      file.put(static_cast<char>(image));
      for (int byte = 0; byte < 3072; ++byte)
        file.put(static_cast<char>((31 * image + 7 * byte + byte / 1024 * shift) % 251));
    }
  }
}

TEST_F(Resume, DataThatMovedIsProvenByItsContents) {
  write_cifar(directory_ / "data/c10");
  const fs::path run = directory_ / "run";
  const std::string spec = "cifar10:" + (directory_ / "data/c10").string();
  train(run, {{"--data", spec},
              {"--steps", "4"},
              {"--eval-every", "0"},
              {"--checkpoint-every", "0.4"},
              {"--keep-checkpoints", "0"}});
  fs::remove_all(run / "ckpt/step-4");
  fs::rename(directory_ / "data", directory_ / "moved");
  const std::string moved = "cifar10:" + (directory_ / "moved/../moved/c10/").string();
  expect_ends(run_drift({"train", "--resume", run.string()}), 4, "data/c10");
  write_cifar(directory_ / "other", 1);
  const std::string other = "cifar10:" + (directory_ / "other").string();
  expect_ends(run_drift({"train", "--resume", run.string(), "--data", other}), 4, "is not what the run was trained on");
  const Outcome resumed = run_drift({"train", "--resume", run.string(), "--data", moved});
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(config_of(run).data.spec, moved);
  train(directory_ / "whole", {{"--data", moved}, {"--steps", "4"}, {"--eval-every", "0"}});
  expect_same_checkpoint(run / "ckpt/step-4", directory_ / "whole/ckpt/step-4");
}

TEST_F(Resume, PathsInARunDoNotDependOnTheDirectoryItIsResumedFrom) {
  write_cifar(directory_ / "a/with space/c10");
  const Arguments arguments = tiny("my run", {{"--data", "cifar10:with space/c10"},
                                              {"--steps", "4"},
                                              {"--checkpoint-every", "0.4"},
                                              {"--keep-checkpoints", "0"}});
  const Outcome first = run_drift_within({.directory = directory_ / "a"}, arguments);
  ASSERT_EQ(first.exit_code, 0) << first.err;
  fs::remove_all(directory_ / "a/my run/ckpt/step-4");
  fs::create_directory(directory_ / "b");
  const Outcome resumed = run_drift_within({.directory = directory_ / "b"}, {"train", "--resume", "../a/my run"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(
      bytes_of(directory_ / "a/my run/cmd.txt"),
      "drift train --bn-stats reestimate:2 --checkpoint-every 0.4 --data 'cifar10:with space/c10' --keep-checkpoints 0 "
      "--local-batch 4 --model cifar-resnet8 --out 'my run' --steps 4 --threads 1 --workers 2\n"
      "drift train --resume '../a/my run'\n");
}

TEST_F(Resume, TheConfigOfAResumedRunIsARecipe) {
  const fs::path run = directory_ / "run";
  train(run, every_3_steps_);
  lose_the_end(run);
  ASSERT_EQ(run_drift({"train", "--resume", run.string(), "--max-time", "1h"}).exit_code, 0);
  const std::string config = bytes_of(run / "config.toml");
  for (const char* key : {"\nresume =", "\nout =", "\nmax-time ="})
    EXPECT_EQ(config.find(key), std::string::npos) << config;
  const fs::path again = directory_ / "again";
  const Outcome outcome = run_drift({"train", "--recipe", (run / "config.toml").string(), "--out", again.string()});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  expect_same_run(run, again, 12);
  // As earlier versions wrote it.
  std::ofstream(directory_ / "old.toml") << config << "resume = \"" << run.string() << "\"\n";
  const Outcome old =
      run_drift({"train", "--recipe", (directory_ / "old.toml").string(), "--out", (directory_ / "new").string()});
  expect_ends(old, 0, "resume: left out");
  expect_same_run(run, directory_ / "new", 12);
}

TEST_F(Resume, AutoStartsContinuesAndIsDoneByOneCommand) {
  train(directory_ / "whole", every_3_steps_);
  const fs::path run = directory_ / "run";
  Arguments arguments = tiny(run, every_3_steps_);
  arguments.insert(arguments.end(), {"--resume", "auto"});
  for (const char* what : {"starts", "continues", "is done"}) {
    SCOPED_TRACE(what);
    if (std::string(what) == "continues") lose_the_end(run);
    const Outcome outcome = run_drift(arguments);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.err.find("step 1/12") == std::string::npos, std::string(what) != "starts") << outcome.err;
    expect_same_run(directory_ / "whole", run, 12);
  }
  expect_ends(run_drift({"train", "--resume", "auto"}), 2, "--resume auto needs --out DIR");
}

TEST_F(Resume, AutoFallsBackToTheCheckpointBeforeOneThatIsDamaged) {
  train(directory_ / "whole", every_3_steps_);
  int number = 0;
  for (const char* file : {"meta.json", "model.safetensors", "worker-1.state"}) {
    SCOPED_TRACE(file);
    const fs::path run = directory_ / std::to_string(number++);
    train(run, every_3_steps_);
    lose_the_end(run);
    flip_middle_bit(run / "ckpt/step-9" / file);
    Arguments arguments = tiny(run, every_3_steps_);
    arguments.insert(arguments.end(), {"--resume", "auto"});
    const Outcome outcome = run_drift(arguments);
    expect_ends(outcome, 0, "passed over: ");
    EXPECT_NE(outcome.err.find(file), std::string::npos) << outcome.err;
    expect_same_run(directory_ / "whole", run, 12);
    EXPECT_TRUE(fs::exists(run / "ckpt/step-9.superseded"));
  }
}

TEST_F(Resume, AutoNeverStartsAnewOverARunWhoseCheckpointsAreAllDamaged) {
  const fs::path run = directory_ / "run";
  train(run);
  flip_middle_bit(run / "ckpt/step-12/worker-0.state");
  const std::string metrics = bytes_of(run / "metrics.jsonl");
  Arguments arguments = tiny(run);
  arguments.insert(arguments.end(), {"--resume", "auto"});
  expect_ends(run_drift(arguments), 8, "none of them is sound");
  EXPECT_EQ(bytes_of(run / "metrics.jsonl"), metrics);
}

TEST_F(Resume, WhatMayChangeLastBitsIsNamed) {
  const fs::path run = directory_ / "run";
  train(run, {{"--worker-threads", "1"}, {"--steps", "4"}, {"--checkpoint-every", "0.4"}, {"--keep-checkpoints", "0"}});
  fs::remove_all(run / "ckpt/step-4");
  const Outcome same = run_drift({"train", "--resume", run.string()});
  EXPECT_EQ(same.exit_code, 0) << same.err;
  EXPECT_EQ(same.err.find("last bits"), std::string::npos) << same.err;
  fs::remove_all(run / "ckpt/step-4");
  expect_ends(run_drift({"train", "--resume", run.string(), "--worker-threads", "2", "--threads", "2"}), 0,
              "the last bits may be others than without the interruption: threads per worker: 1, now 2");
  if (!cpu_features().avx512) return;
  fs::remove_all(run / "ckpt/step-4");
  expect_ends(run_drift({"train", "--resume", run.string(), "--conv", "direct"}), 0,
              "convolutions: 12 by winograd, 8 direct, now 0 by winograd, 20 direct");
}

TEST_F(Resume, ABranchIsARunOfItsOwn) {
  const fs::path parent = directory_ / "parent";
  train(parent, every_3_steps_);
  const std::string before = bytes_of(parent / "metrics.jsonl");
  const fs::path branch = directory_ / "branch";
  const std::string step = (parent / "ckpt/step-6").string();
  const Outcome outcome = run_drift(
      {"train", "--resume", step, "--change", "lr,steps", "--lr", "0.02", "--steps", "15", "--out", branch.string()});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(bytes_of(parent / "metrics.jsonl"), before);
  EXPECT_EQ(timeless_metrics(branch).front().at("step"), 6);
  EXPECT_EQ(timeless_metrics(branch).front().at("lr"), 0.02);
  EXPECT_EQ(config_of(branch).length.steps, 15);
  const Json record = branch_of(branch);
  EXPECT_EQ(record.at("parent"), step);
  EXPECT_EQ(record.at("step"), 6);
  EXPECT_EQ(record.at("replicas_alike"), false);
  EXPECT_EQ(record.at("changes"),
            (Json{{"lr", {{"from", "0.1"}, {"to", "0.02"}}}, {"steps", {{"from", "12"}, {"to", "15"}}}}));
  // It goes on like any run, by its own settings.
  fs::remove_all(branch / "ckpt/step-15");
  const Outcome resumed = run_drift({"train", "--resume", branch.string()});
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_TRUE(fs::exists(branch / "ckpt/step-15"));
  EXPECT_EQ(branch_of(branch), record);
}

TEST_F(Resume, ABranchThatChangesNothingHasTheBitsOfItsParent) {
  const fs::path parent = directory_ / "parent";
  train(parent, every_3_steps_);
  const fs::path branch = directory_ / "branch";
  const Outcome outcome = run_drift({"train", "--resume", (parent / "ckpt/step-6").string(), "--change", "lr", "--lr",
                                     "0.1", "--out", branch.string()});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  expect_same_checkpoint(parent / "ckpt/step-12", branch / "ckpt/step-12");
}

TEST_F(Resume, ABranchMayTrainOnOtherData) {
  const fs::path parent = directory_ / "parent", branch = directory_ / "branch";
  train(parent, every_3_steps_);
  const std::string step = (parent / "ckpt/step-6").string();
  expect_ends(run_drift({"train", "--resume", step, "--data", "shapes:48:20", "--out", branch.string()}), 4,
              "is not what the run was trained on");
  const Outcome outcome =
      run_drift({"train", "--resume", step, "--change", "data", "--data", "shapes:48:20", "--out", branch.string()});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(branch_of(branch).at("changes"), (Json{{"data", {{"from", "shapes:40:20"}, {"to", "shapes:48:20"}}}}));
}

// From the middle of a round, where replicas differ.
TEST_F(Resume, ABranchOfAnotherAlgorithmOrNumberOfWorkersBeginsWithReplicasThatAreAlike) {
  const fs::path parent = directory_ / "parent";
  train(parent, every_3_steps_);
  const std::string step = (parent / "ckpt/step-6").string();
  const Outcome sgd = run_drift(
      {"train", "--resume", step, "--change", "algo", "--algo", "sgd", "--out", (directory_ / "sgd").string()});
  ASSERT_EQ(sgd.exit_code, 0) << sgd.err;
  EXPECT_EQ(config_of(directory_ / "sgd").sync.periods, std::vector<Step>{1}) << "which sgd has none of";
  EXPECT_EQ(branch_of(directory_ / "sgd").at("replicas_alike"), true);
  const auto state = [&](const fs::path& run, int worker) {
    return bytes_of(run / "ckpt/step-12" / fmt::format("worker-{}.state", worker)).substr(64);
  };
  // Values and momentum of synchronous replicas never part; their running statistics do.
  const std::string a = state(directory_ / "sgd", 0), b = state(directory_ / "sgd", 1);
  ASSERT_EQ(a.size(), b.size());
  EXPECT_EQ(a.substr(0, a.size() / 2), b.substr(0, b.size() / 2));

  const fs::path four = directory_ / "four";
  const Outcome outcome = run_drift({"train", "--resume", step, "--change", "workers,local-batch,period", "--workers",
                                     "4", "--local-batch", "1", "--period", "2", "--out", four.string()});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(branch_of(four).at("step"), 12) << "6 steps of 5 per epoch are 12 of 10";
}

TEST_F(Resume, ABranchMustSayWhatItChanges) {
  const fs::path parent = directory_ / "parent";
  train(parent, {{"--steps", "2"}});
  const std::string run = parent.string();
  expect_ends(run_drift({"train", "--resume", run, "--change", "lr"}), 2, "--change lr: and what to? Give --lr too");
  expect_ends(run_drift({"train", "--resume", run, "--change", "lt", "--lr", "1"}), 2,
              "there is no option 'lt'. Did you mean 'lr'?");
  expect_ends(run_drift({"train", "--resume", run, "--change", "norm", "--norm", "group"}), 2,
              "--change norm: it cannot be changed");
  expect_ends(run_drift({"train", "--resume", run, "--lr", "1"}), 2, "add --change lr");
  expect_ends(run_drift({"train", "--resume", run, "--norm", "group"}), 2,
              "A checkpoint has the states of that very network");
  expect_ends(run_drift({"train", "--change", "lr", "--lr", "1"}), 2, "give --resume RUN");
  expect_ends(run_drift({"train", "--resume", run, "--change", "lr", "--lr", "1", "--out", run}), 2,
              "is the run that the branch leaves");
  expect_ends(run_drift({"train", "--resume", run, "--change", "algo,period", "--algo", "sgd", "--period", "3"}), 3,
              "--period");
}

TEST_F(Resume, TheAdviceForARunThatDivergedWorks) {
  const fs::path run = directory_ / "run";
  const Outcome diverged = run_drift(tiny(run, {{"--lr", "1e38"},
                                                {"--warmup-epochs", "1"},
                                                {"--warmup-start", "0.001"},
                                                {"--norm", "group"},
                                                {"--checkpoint-every", "0.2"},
                                                {"--keep-checkpoints", "0"}}));
  expect_ends(diverged, 7, "--change lr --lr X");
  const std::string last = (run / "ckpt/step-2").string();
  EXPECT_NE(diverged.err.find("drift train --resume " + last + " --change"), std::string::npos) << diverged.err;
  const std::string from = (run / "ckpt/step-1").string();  // the step behind it had a rate that nothing survives
  const Outcome outcome =
      run_drift({"train", "--resume", from, "--change", "lr", "--lr", "1e-4", "--out", (directory_ / "b").string()});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
}

TEST_F(Resume, ARunStopsWhenItsTimeIsUp) {
  const fs::path run = directory_ / "run";
  const Outcome stopped = run_drift(tiny(run, {{"--steps", "100000000"}, {"--max-time", "1s"}, {"--eval-every", "0"}}));
  expect_ends(stopped, 75, "stopped by --max-time ");
  const bool began = stopped.err.find("before training began") == std::string::npos;
  if (!began) return;  // on a slow machine
  EXPECT_EQ(Json::parse(bytes_of(run / "summary.json")).at("message"), "by --max-time");
  EXPECT_EQ(run_drift({"train", "--resume", run.string(), "--max-time", "1s"}).exit_code, 75);
}

}  // namespace
}  // namespace drift::testing
