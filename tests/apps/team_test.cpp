// Runs in several processes of this machine, started as a user would: what they leave behind, how they end, and that
// neither depends on how the workers are spread.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/apps/program.h"
#include "tests/apps/run_files.h"
#include "tests/apps/run_with_fault.h"
#include "tests/apps/tiny_run.h"
#include "tests/support/drawn_images.h"
#include "tests/support/file_damage.h"
#include "tests/support/seed.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {
namespace {

namespace fs = std::filesystem;

using Arguments = std::vector<std::string>;

// `more`: flags and values, in place of these or beside them.
Arguments small_run(const fs::path& out, const Flags& more = {}) {
  return train_with(more, {{"--model", "cifar-resnet8"},
                           {"--data", "shapes:160:50"},
                           {"--workers", "4"},
                           {"--local-batch", "4"},
                           {"--algo", "local"},
                           {"--period", "3"},
                           {"--steps", "20"},
                           {"--momentum", "0.9"},
                           {"--bn-stats", "reestimate:5"},
                           {"--eval-batch", "8"},
                           {"--threads", "1"},
                           {"--out", out.string()}});
}

// Lines with which drift says why it ends.
std::int64_t error_lines(const std::string& text) {
  std::int64_t count = 0;
  for (std::size_t at = 0; (at = text.find(": drift: ", at)) != std::string::npos; ++at) ++count;
  return count;
}

// Runs other words of drift in each of the processes.
Outcome mpirun(const std::vector<Arguments>& processes) {
  Arguments words = {"env", "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1", "mpirun",
                     "--oversubscribe"};
  for (const Arguments& arguments : processes) {
    if (&arguments != &processes.front()) words.emplace_back(":");
    words.insert(words.end(), {"-n", "1"});
    words.insert(words.end(), arguments.begin(), arguments.end());
  }
  return run_program(words);
}

Arguments drift_train(const Arguments& arguments) {
  Arguments words = {DRIFT_BINARY};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

TEST(TeamOfProcesses, LeavesTheSameForEveryNumberOfProcesses) {
  const TempDirectory directory;
  const Flags more = {{"--eval-every", "0.5"}, {"--checkpoint-every", "1"}, {"--val-split", "0.1"}};
  ASSERT_EQ(run_drift(small_run(directory / "whole", more)).exit_code, 0);
  for (const int processes : {2, 4}) {
    SCOPED_TRACE(fmt::format("{} processes", processes));
    const fs::path run = directory / std::to_string(processes);
    const Outcome outcome = run_drift(launched(processes, small_run(run, more)));
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_TRUE(outcome.out.starts_with("0: top1 ")) << outcome.out;
    EXPECT_EQ(std::ranges::count(outcome.out, '\n'), 1) << "one process speaks:\n" << outcome.out;
    EXPECT_EQ(outcome.err.find("\n1: "), std::string::npos) << outcome.err;
    EXPECT_EQ(timeless_metrics(run), timeless_metrics(directory / "whole"));
    for (const char* step : {"step-18", "step-20"}) {
      expect_same_checkpoint(directory / "whole/ckpt" / step, run / "ckpt" / step);
    }
    EXPECT_FALSE(fs::exists(run / ".process-0"));
    EXPECT_EQ(Json::parse(bytes_of(run / "env.json")).at("setup").at("processes"), processes);
  }
}

TEST(TeamOfProcesses, DecodesTheSameImagesForEveryNumberOfProcesses) {
  const TempDirectory directory;
  draw_image_folder(directory / "data", /*train=*/16, /*val=*/7);
  set_file_text(directory / "data/train/blue/4.jpg", "not an image");
  set_file_text(directory / "data/val/red/1.jpg", "not an image");
  const Flags more = {{"--data", "imagefolder:" + (directory / "data").string()},
                      {"--image-size", "24"},
                      {"--classes", "2"},
                      {"--bad-images", "skip"},
                      {"--loader-threads", "2"}};
  const Outcome whole = run_drift(small_run(directory / "whole", more));
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  EXPECT_NE(whole.out.find("/13"), std::string::npos) << "of 14 test images: " << whole.out;
  for (const int processes : {2, 4}) {
    const fs::path run = directory / std::to_string(processes);
    const Outcome outcome = run_drift(launched(processes, small_run(run, more)));
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    expect_same_run(directory / "whole", run, 20);
  }
}

TEST(TeamOfProcesses, AStopIsHeardInTheMiddleOfARoundAndAnyNumberOfProcessesGoesOn) {
  const TempDirectory directory;
  const Flags more = {{"--steps", "400"}, {"--period", "350"}, {"--eval-every", "0"}};
  ASSERT_EQ(run_drift(small_run(directory / "whole", more)).exit_code, 0);
  const fs::path run = directory / "run";
  const std::string line = fmt::format("step {}/400", 10 * (1 + seed() % 10));
  SCOPED_TRACE("stopped at " + line);
  const Outcome stopped = run_drift_and_signal(launched(2, small_run(run, more)), line, SIGTERM);
  ASSERT_EQ(stopped.exit_code, 75) << stopped.err;
  const int steps = Json::parse(bytes_of(run / "summary.json")).at("steps");
  EXPECT_LT(steps, 350) << "in the middle of the round";
  for (const int processes : {4, 1}) {  // the second has nothing left to do
    const Outcome resumed = run_drift(launched(processes, {"train", "--resume", run.string()}));
    ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
    expect_same_run(directory / "whole", run, 400);
  }
}

TEST(TeamOfProcesses, ACheckpointThatIsDamagedForOneIsPassedOverByAll) {
  const TempDirectory directory;
  const Flags more = {
      {"--checkpoint-every", "0.8"}, {"--keep-checkpoints", "0"}, {"--eval-every", "0"}, {"--resume", "auto"}};
  const fs::path run = directory / "run";
  const Arguments arguments = launched(2, small_run(run, more));
  ASSERT_EQ(run_drift(arguments).exit_code, 0) << "it starts the run";
  fs::copy(run, directory / "whole", fs::copy_options::recursive);
  fs::remove_all(run / "ckpt/step-20");
  flip_middle_bit(run / "ckpt/step-16/worker-3.state");  // the second process reads it
  const Outcome outcome = run_drift(arguments);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("passed over: "), std::string::npos) << outcome.err;
  EXPECT_TRUE(fs::exists(run / "ckpt/step-16.superseded"));
  expect_same_run(directory / "whole", run, 20);
}

TEST(TeamOfProcesses, ABranchFromTheMiddleOfARoundHasTheBitsOfOneProcess) {
  const TempDirectory directory;
  const Flags more = {{"--checkpoint-every", "0.1"}, {"--keep-checkpoints", "0"}};
  ASSERT_EQ(run_drift(small_run(directory / "parent", more)).exit_code, 0);
  for (const int processes : {1, 2}) {
    const fs::path out = directory / std::to_string(processes);
    const Arguments branch = {"train",
                              "--resume",
                              (directory / "parent/ckpt/step-7").string(),
                              "--change",
                              "workers,local-batch,lr",
                              "--workers",
                              "2",
                              "--local-batch",
                              "8",
                              "--lr",
                              "0.05",
                              "--out",
                              out.string()};
    const Outcome outcome = run_drift(processes == 1 ? branch : launched(processes, branch));
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(Json::parse(bytes_of(out / "branch.json")).at("step"), 7);
  }
  expect_same_run(directory / "1", directory / "2", 20);
}

TEST(TeamOfProcesses, StopsWhenTheTimeOfOneIsUp) {
  const TempDirectory directory;
  const fs::path run = directory / "run";
  const Arguments process = drift_train(small_run(run, {{"--steps", "100000000"}, {"--eval-every", "0"}}));
  Arguments limited = process;
  limited.insert(limited.end(), {"--max-time", "2s"});
  const Outcome outcome = mpirun({process, limited});
  EXPECT_EQ(outcome.exit_code, 75) << outcome.err;
}

// Of two sums there is one order only, so that the bits are the same here; they need not be.
TEST(TeamOfProcesses, TheLibrarysAllReduceIsTakenByNameAndRecorded) {
  const TempDirectory directory;
  const fs::path run = directory / "run";
  ASSERT_EQ(run_drift(small_run(directory / "whole")).exit_code, 0);
  const Outcome outcome = run_drift(launched(2, small_run(run, {{"--reduce", "fast"}})));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("; averages by MPI_Allreduce of "), std::string::npos) << outcome.err;
  const std::string recorded = Json::parse(bytes_of(run / "env.json")).at("setup").at("reduce");
  EXPECT_TRUE(recorded.starts_with("MPI_Allreduce of ")) << recorded;
  expect_same_checkpoint(directory / "whole/ckpt/step-20", run / "ckpt/step-20");
  const Outcome other = run_drift(launched(2, {"train", "--resume", run.string(), "--reduce", "tree"}));
  EXPECT_EQ(other.exit_code, 2) << other.err;
  EXPECT_NE(other.err.find("--reduce is fast in the run to be resumed"), std::string::npos) << other.err;
}

// At 80 Mbit/s each average of 300 KB takes 30 ms and more, and every number is the same.
TEST(TeamOfProcesses, AnEmulatedLinkCostsTimeAndChangesNoBit) {
  const TempDirectory directory;
  const fs::path run = directory / "run";
  ASSERT_EQ(run_drift(small_run(directory / "whole")).exit_code, 0);
  const Outcome outcome = run_drift(launched(2, small_run(run, {{"--link", "80Mbit,1ms"}})));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  expect_same_run(directory / "whole", run, 20);
  int averages = 0;
  for (const Json& line : read_json_lines(run / "metrics.jsonl")) {
    if (line.at("kind") != "step" || line.at("bytes").get<std::int64_t>() == 0) continue;
    // What four workers would send, each on a machine of its own, is six times the arena; of two processes each sends
    // one half and gets it back summed.
    const double bytes = line.at("bytes").get<double>() / 6;
    EXPECT_GT(line.at("t_step").get<double>(), bytes / 1e7) << line;
    ++averages;
  }
  EXPECT_GT(averages, 1);
}

TEST(TeamOfProcesses, AProfileHasTheWorkersOfAllProcesses) {
  const TempDirectory directory;
  const fs::path run = directory / "run";
  const Outcome trained = run_drift(launched(2, small_run(run, {{"--profile-every", "1"}, {"--link", "1Gbit,1ms"}})));
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  EXPECT_TRUE(fs::exists(run / "profile/process-1.jsonl"));
  const Outcome shown = run_drift({"profile", run.string(), "--json"});
  ASSERT_EQ(shown.exit_code, 0) << shown.err;
  const Json json = Json::parse(shown.out);
  EXPECT_EQ(json.at("processes"), 2);
  EXPECT_EQ(json.at("steps").at("local"), 4 * 12)
      << "of 13: those before the end of each of six rounds, and a last one";
  // A message there and one back take a millisecond each, whether somebody waits for them or not.
  const Json& seconds = json.at("seconds");
  EXPECT_GT(seconds.at("moving").at("round end").at("mean").get<double>() +
                seconds.at("hidden").at("round end").at("mean").get<double>(),
            2e-3);
}

TEST(TeamOfProcesses, ALinkStandsOnlyWhereItCan) {
  const TempDirectory directory;
  const Outcome alone = run_drift(small_run(directory / "a", {{"--link", "1Gbit,50us"}}));
  EXPECT_EQ(alone.exit_code, 2) << alone.err;
  EXPECT_NE(alone.err.find("--link stands between processes, and this run is one"), std::string::npos) << alone.err;
  const Flags fast = {{"--link", "1Gbit,50us"}, {"--reduce", "fast"}};
  const Outcome unseen = run_drift(launched(2, small_run(directory / "b", fast)));
  EXPECT_EQ(unseen.exit_code, 2) << unseen.err;
  EXPECT_NE(unseen.err.find("leave out --reduce fast"), std::string::npos) << unseen.err;
  const Outcome wrong = run_drift(small_run(directory / "c", {{"--link", "1Gbit"}}));
  EXPECT_EQ(wrong.exit_code, 2) << wrong.err;
  EXPECT_NE(wrong.err.find("10Gbit,50us"), std::string::npos) << wrong.err;
}

// Who is in MPI_Allreduce cannot give up. One that stands still, fails or dies there ends the run all the same.
TEST(TeamOfProcesses, WhatGoesWrongInTheLibrarysAllReduceEndsTheRun) {
  const TempDirectory directory;
  const bool overlap = seed() % 2 == 0;  // then the weights of all layers are one bucket, and what is no weight another
  const Flags more = {{"--reduce", "fast"},
                      {overlap ? "--overlap" : "--no-overlap", ""},
                      {"--bucket-mb", "1000"},
                      {"--checkpoint-every", "0.5"},
                      {"--comm-timeout", "2"}};
  ASSERT_EQ(run_drift(small_run(directory / "whole", more)).exit_code, 0);
  for (const char* what : {"stop", "fail", "kill", "delay"}) {
    const fs::path run = directory / what;
    const std::uint64_t call = (overlap ? 2 : 1) * (3 + seed() % 3);
    const std::string fault = fmt::format("{} MPI_Allreduce {} {}", seed() / 2 % 2, call, what);
    SCOPED_TRACE(fault);
    const Outcome outcome = run_with_fault(fault, launched(2, small_run(run, more)));
    const bool only_late = std::string_view(what) == "delay";
    EXPECT_EQ(outcome.exit_code, only_late ? 0 : 6) << outcome.err;
    if (!only_late) {
      EXPECT_NE(outcome.err.find("drift launch: process "), std::string::npos) << outcome.err;
      const Outcome resumed = run_drift(launched(2, {"train", "--resume", run.string(), "--comm-timeout", "60"}));
      ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
    }
    expect_same_checkpoint(directory / "whole/ckpt/step-20", run / "ckpt/step-20");
  }
}

TEST(TeamOfProcesses, WhatIsWrongWithACommandIsSaidOnce) {
  const TempDirectory directory;
  const auto fails = [&](int processes, const Flags& more, int exit_code, const char* part) {
    const Outcome outcome = run_drift(launched(processes, small_run(directory / "run", more)));
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
    EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
    EXPECT_EQ(error_lines(outcome.err), 2) << "once, and again as the last line:\n" << outcome.err;
    const std::string last = outcome.err.substr(outcome.err.rfind('\n', outcome.err.size() - 2) + 1);
    EXPECT_TRUE(last.starts_with("drift launch: process 0: drift: ")) << last;
    EXPECT_FALSE(fs::exists(directory / "run"));
  };
  fails(4, {{"--lr", "x"}}, 2, "--lr must be");
  fails(3, {}, 3, "4 workers cannot be shared evenly by 3 processes");
  fails(2, {{"--data", "cifar10:/nowhere"}}, 4, "/nowhere");
}

TEST(TeamOfProcesses, ADifferenceIsNamed) {
  const TempDirectory directory;
  const Arguments same = small_run(directory / "run");
  const auto fails = [&](const Arguments& other, const char* part) {
    const Outcome outcome = mpirun({drift_train(same), other});
    EXPECT_EQ(outcome.exit_code, 6) << outcome.err;
    EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
  };
  fails(drift_train(small_run(directory / "run", {{"--lr", "0.2"}})),
        "process 1 has another configuration than process 0: 'lr = 0.2' instead of 'lr = 0.1'");
  fs::remove_all(directory / "run");
  // One whose file system has something else there.
  const std::string hide = fmt::format("mount -t tmpfs none {} && exec \"$@\"", directory.path().string());
  if (run_program({"unshare", "-rm", "sh", "-c", fmt::format("mount -t tmpfs none {}", directory.path().string())})
          .exit_code != 0) {
    GTEST_SKIP() << "no mount namespaces here";
  }
  Arguments hidden = {"unshare", "-rm", "sh", "-c", hide, "sh"};
  for (const std::string& word : drift_train(same)) hidden.push_back(word);
  fails(hidden, "process 1 does not see the run directory");
}

TEST(TeamOfProcesses, TheErrorOfOneIsTheErrorOfAll) {
  const TempDirectory directory;
  const Outcome outcome = run_drift(launched(2, small_run(directory / "run", {{"--lr", "1e30"}})));
  EXPECT_EQ(outcome.exit_code, 7) << outcome.err;
  EXPECT_EQ(Json::parse(bytes_of(directory / "run/summary.json")).at("status"), "diverged");
  EXPECT_EQ(error_lines(outcome.err), 2) << outcome.err;
  EXPECT_NE(outcome.err.find("There is no checkpoint of this run"), std::string::npos) << outcome.err;
}

// The first process says it, the link between them beside those that were asked for.
TEST(TeamOfProcesses, PredictsFromTheirOwnStepsAndTheirOwnLink) {
  const TempDirectory directory;
  const fs::path json = directory / "p.json";
  const Outcome outcome = run_drift({"launch",
                                     "-n",
                                     "2",
                                     "--",
                                     "predict",
                                     "--model",
                                     "cifar-resnet8",
                                     "--data",
                                     "shapes:160:50",
                                     "--workers",
                                     "2",
                                     "--local-batch",
                                     "4",
                                     "--threads",
                                     "1",
                                     "--seconds",
                                     "1",
                                     "--periods",
                                     "1",
                                     "--json",
                                     json.string()});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("0: cifar-resnet8, 4 images a worker, 1 worker in each process: 2 processes on "),
            std::string::npos)
      << outcome.out;
  const Json predictions = Json::parse(bytes_of(json)).at("predictions");
  EXPECT_EQ(predictions.size(), 6u) << "three links, for 2 and for 8 processes";
  EXPECT_TRUE(predictions[0].at("link").get<std::string>().starts_with("measured: ")) << predictions[0];
  EXPECT_GT(predictions[0].at("bytes_per_s").get<double>(), 0);
}

// The others have nothing to do with a file: what is wrong with it is said at once.
TEST(TeamOfProcesses, AskForAPredictionFromAFileInTheFirst) {
  const Outcome outcome = run_drift({"launch", "-n", "2", "--", "predict", "--from", "nowhere.json"});
  EXPECT_EQ(outcome.exit_code, 4) << outcome.err;
  EXPECT_NE(outcome.err.find("nowhere.json: cannot be read"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace drift::testing
