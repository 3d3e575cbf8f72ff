// A run that is profiled, from outside: what it leaves, and what drift profile makes of it.
#include <gtest/gtest.h>

#include "core/json_lines.h"
#include "tests/apps/program.h"
#include "tests/apps/run_files.h"
#include "tests/apps/tiny_run.h"
#include "tests/support/temp_directory.h"
#include "train/runs/profile_file.h"

namespace drift {
namespace {

namespace fs = std::filesystem;
using testing::Outcome;
using testing::run_drift;

class ProfileTest : public ::testing::Test {
 protected:
  Outcome train(const std::vector<std::string>& more) const {
    std::vector<std::string> flags = {"--algo",   "post-local", "--switch-step", "4",
                                      "--period", "2",          "--eval-every",  "0"};
    flags.insert(flags.end(), more.begin(), more.end());
    return run_drift(testing::train_into(run_, flags));
  }

  const testing::TempDirectory directory_;
  const fs::path run_ = directory_ / "run";
};

TEST_F(ProfileTest, SaysWhereTheTimeOfStepsGoes) {
  const Outcome trained = train({"--profile-every", "1"});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  EXPECT_NE(trained.err.find("recorded 24 of 24 steps in "), std::string::npos) << trained.err;
  const Outcome shown = run_drift({"profile", run_.string()});
  ASSERT_EQ(shown.exit_code, 0) << shown.err;
  for (const char* const text : {"cifar-resnet8, 2 x 4 images, 1 process, 1 thread for each worker\n",
                                 "6 local, 6 synchronous, 6 round end; means", "ms of a step", "average: moving",
                                 "backward  conv2d_backward_data", "\nparallel SGD", "\nH = 64"}) {
    EXPECT_NE(shown.out.find(text), std::string::npos) << text << " in\n" << shown.out;
  }
  const Outcome layers = run_drift({"profile", run_.string(), "--layers"});
  EXPECT_NE(layers.out.find("\nlayer1.0.conv1  "), std::string::npos) << layers.out;
  const Json json = Json::parse(run_drift({"profile", run_.string(), "--json"}).out);
  const Json& seconds = json.at("seconds");
  const double sum = seconds.at("moving").at("round end").at("mean").get<double>() +
                     seconds.at("skew").at("round end").at("mean").get<double>();
  EXPECT_GT(seconds.at("step").at("round end").at("mean").get<double>(), sum);
  EXPECT_GT(json.at("bytes").at("synchronous").at("mean").get<double>(), 0);
  EXPECT_EQ(json.at("periods").size(), 4u);
}

TEST_F(ProfileTest, RecordsEveryFourthRoundUnlessToldOtherwiseAndGoesOnInAResumedRun) {
  ASSERT_EQ(train({"--profile"}).exit_code, 0);
  const fs::path file = profile_path(run_, 0);
  std::vector<RecordedSession> sessions = read_profile_file(file);
  ASSERT_EQ(sessions.size(), 1u);
  std::set<Step> steps;
  for (const ProfiledStep& step : sessions[0].steps) steps.insert(step.step);
  EXPECT_EQ(steps, (std::set<Step>{0, 4, 5})) << "rounds begin at 4, 6, 8 and 10";
  ASSERT_EQ(run_drift({"train", "--resume", (run_ / "ckpt/step-12").string()}).exit_code, 0);
  sessions = read_profile_file(file);
  ASSERT_EQ(sessions.size(), 2u);
  EXPECT_EQ(sessions[1].session.number, 1);
  EXPECT_EQ(sessions[1].session.first_step, 12);
}

// By the same command, if it was killed before its first checkpoint.
TEST_F(ProfileTest, ARunThatStartsAgainHasANewOne) {
  ASSERT_EQ(train({"--profile"}).exit_code, 0);
  fs::remove_all(run_ / "ckpt");
  const Outcome again = train({"--profile"});
  ASSERT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(sessions_in(profile_path(run_, 0)), 1);
}

TEST_F(ProfileTest, BecomesATraceASectionOfTheReportAndAComparison) {
  ASSERT_EQ(train({"--profile-every", "1"}).exit_code, 0);
  const Outcome traced = run_drift({"trace", run_.string(), "--steps", "5:7"});
  ASSERT_EQ(traced.exit_code, 0) << traced.err;
  EXPECT_EQ(traced.out, (run_ / "trace.json").string() + "\n");
  std::set<Step> steps;
  const Json trace = Json::parse(testing::bytes_of(run_ / "trace.json"));
  for (const Json& event : trace.at("traceEvents")) {
    if (event.value("cat", "") == "step") steps.insert(event.at("args").at("step").get<Step>());
  }
  EXPECT_EQ(steps, (std::set<Step>{5, 6}));
  EXPECT_EQ(run_drift({"trace", run_.string(), "--steps", "70:80"}).exit_code, 2);
  EXPECT_EQ(run_drift({"trace", run_.string(), "--steps", "7:7"}).exit_code, 2);
  ASSERT_EQ(run_drift({"report", run_.string()}).exit_code, 0);
  EXPECT_NE(testing::bytes_of(run_ / "report.html").find("Where the time of a step goes"), std::string::npos);
  const Outcome same = run_drift({"profile", "--diff", run_.string(), run_.string()});
  EXPECT_NE(same.out.find("synchronous: 6 steps of workers before, 6 after, ms\n"), std::string::npos) << same.out;
  EXPECT_EQ(same.out.find("slower"), std::string::npos) << "than itself: " << same.out;
  EXPECT_EQ(run_drift({"profile", "--diff", run_.string()}).exit_code, 2);
  EXPECT_EQ(run_drift({"profile", "--json", "--layers", run_.string()}).exit_code, 2);
}

TEST_F(ProfileTest, KernelsAreThoseOfAGpu) {
  const Outcome refused = train({"--profile-kernels", "--device", "cpu"});
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_NE(refused.err.find("--profile-kernels tells kernels of captured steps apart, and this run, on cpu"),
            std::string::npos)
      << refused.err;
  ASSERT_EQ(train({"--profile", "--device", "cpu"}).exit_code, 0);
  EXPECT_EQ(run_drift({"profile", run_.string(), "--kernels"}).out,
            "no kernels were recorded: train on a GPU with --profile-kernels\n");
  EXPECT_EQ(run_drift({"profile", run_.string(), "--kernels", "--json"}).exit_code, 2);
}

TEST_F(ProfileTest, ARunWithoutOneIsToldHowToGetIt) {
  ASSERT_EQ(train({}).exit_code, 0);
  EXPECT_FALSE(fs::exists(run_ / "profile"));
  const Outcome shown = run_drift({"profile", run_.string()});
  EXPECT_EQ(shown.exit_code, 2);
  EXPECT_NE(shown.err.find("has no profile: train it with --profile"), std::string::npos) << shown.err;
}

}  // namespace
}  // namespace drift
