#include "analysis/ledger/ledger.h"

#include <cmath>
#include <gtest/gtest.h>

#include "analysis/ledger/ledger_text.h"
#include "tests/analysis/profiled_run.h"
#include "tests/support/error_of.h"

namespace drift {
namespace {

using testing::kConvolution;
using testing::kMs;
using testing::kSum;
using testing::local_step;
using testing::ms;
using testing::round_end;

class LedgerTest : public testing::ProfiledRun {
 protected:
  Ledger ledger() const { return make_ledger(read_profile(directory_.path())); }
};

TEST_F(LedgerTest, AStepIsTheSumOfItsPartsWithoutOutliers) {
  ProfileFile file = open();
  for (const int worker : {0, 1}) {
    file.write(local_step(1, worker, file, 10));
    file.write(local_step(2, worker, file, 30));  // an outlier
    file.write(local_step(3, worker, file, 10));
  }
  const Ledger all = ledger();
  EXPECT_EQ(all.steps[0], 6u);
  EXPECT_EQ(all.steps[1] + all.steps[2], 0u);
  EXPECT_DOUBLE_EQ(all.step.at(Sync::kNone), 15e-3);
  EXPECT_DOUBLE_EQ(all.lane.at(Sync::kNone), 1e-3);
  EXPECT_DOUBLE_EQ(all.batch.at(Sync::kNone), 1e-3);
  EXPECT_NEAR(all.gaps.at(Sync::kNone), 1e-3, 1e-12);
  EXPECT_DOUBLE_EQ(all.exposed.at(Sync::kNone), 0);
  ASSERT_EQ(all.rows.size(), 2u);
  EXPECT_EQ(all.rows[0].name, "conv2d_forward") << "the longest first";
  EXPECT_DOUBLE_EQ(all.rows[0].seconds.at(Sync::kNone), 10e-3);
  EXPECT_DOUBLE_EQ(all.rows[0].floor.at(Sync::kNone), 2e-3) << "by its products";
  EXPECT_DOUBLE_EQ(all.rows[1].floor.at(Sync::kNone), 1e-3) << "by its bytes";
  EXPECT_DOUBLE_EQ(all.part("update").at(Sync::kNone), 2e-3);
  EXPECT_TRUE(std::isnan(all.step.at(Sync::kParameters)));
  EXPECT_TRUE(std::isnan(all.seconds_at(4)));
  EXPECT_TRUE(std::isinf(all.step.noise[0])) << "of three steps";
}

// Three steps with a fragment and a round's last in each round: 15, 17 and 20 ms a step.
TEST_F(LedgerTest, FragmentsAreAColumnOfTheirOwn) {
  ProfileFile file = open();
  for (Step step = 0; step < 8; ++step) {
    for (const int worker : {0, 1}) {
      ProfiledStep one = step % 4 == 3 ? round_end(step, worker, file, 5) : round_end(step, worker, file, 2);
      if (step % 4 != 3) one.sync = Sync::kFragment;
      file.write(one);
    }
  }
  for (const int worker : {0, 1}) file.write(local_step(8, worker, file));
  const Ledger all = ledger();
  EXPECT_DOUBLE_EQ(all.step.at(Sync::kFragment), 17e-3);
  EXPECT_DOUBLE_EQ(all.step.at(Sync::kParameters), 20e-3);
  EXPECT_EQ(title_of(Sync::kFragment), "fragment");
  EXPECT_DOUBLE_EQ(all.seconds_at(16), 15e-3 + (5e-3 + 3 * 2e-3) / 16);
  EXPECT_TRUE(std::isnan(all.seconds_at(3))) << "a round has four averages";
}

// Worker 1 is ready 6 ms later: it waits 2 ms, of which nobody is to blame, and worker 0 waits 8.
TEST_F(LedgerTest, AWaitIsForOthersUntilTheLastIsReady) {
  ProfileFile file = open();
  file.write(local_step(0, 0, file));
  file.write(local_step(0, 1, file));
  file.write(round_end(1, 0, file, 8));
  ProfiledStep late = round_end(1, 1, file, 2);
  late.begin = 6 * kMs;
  file.write(late);
  const Profile profile = read_profile(directory_.path());
  const std::span<const Profile::RecordedStep> end = std::span(profile.steps).last(2);
  EXPECT_DOUBLE_EQ(wait_times(end, 0).skew, 6e-3);
  EXPECT_DOUBLE_EQ(wait_times(end, 0).moving, 2e-3);
  EXPECT_DOUBLE_EQ(wait_times(end, 1).skew, 0);
  EXPECT_DOUBLE_EQ(wait_times(end, 1).moving, 2e-3);
  const Ledger all = ledger();
  EXPECT_DOUBLE_EQ(all.skew.at(Sync::kParameters), 3e-3) << "between the two workers";
  EXPECT_DOUBLE_EQ(all.moving.at(Sync::kParameters), 2e-3);
  EXPECT_DOUBLE_EQ(all.exposed.at(Sync::kParameters), 5e-3);
  EXPECT_DOUBLE_EQ(all.sums.at(Sync::kParameters), 1e-3);
  EXPECT_DOUBLE_EQ(all.bytes.at(Sync::kParameters), 16);
  EXPECT_NEAR(all.gaps.at(Sync::kParameters), 1e-3, 1e-12) << "a sum is part of the wait";
  EXPECT_DOUBLE_EQ(all.seconds_at(1), 20e-3);
  EXPECT_DOUBLE_EQ(all.seconds_at(4), 15e-3 + 5e-3 / 4);
  EXPECT_EQ(all.samples, 10);
  ASSERT_EQ(all.workers.size(), 2u);
  EXPECT_DOUBLE_EQ(all.workers[0].skew.at(Sync::kParameters), 6e-3);
  EXPECT_DOUBLE_EQ(all.workers[1].skew.at(Sync::kParameters), 0);
  EXPECT_DOUBLE_EQ(all.workers[1].computing.at(Sync::kNone), 12e-3);
  const std::string text = ledger_text(profile, "here");
  EXPECT_NE(text.find("\nworker 0                12.00                           6.00\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nround end       0.000        5.00           3.00    2.00      1.00             0.00\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("average: waiting for other workers   0.00       3.00"), std::string::npos) << text;
  EXPECT_NE(text.find("H = 4         16.25"), std::string::npos) << text;
  EXPECT_EQ(ledger_json(profile).at("periods").at(1).at("step"), 16.25e-3);
}

// The other process comes 6 ms later, which an average within a node does not know.
TEST_F(LedgerTest, WithinANodeNobodyWaitsForOtherProcesses) {
  ProfileFile first = open(0, 2), second = open(1, 2);
  ProfiledStep own = round_end(1, 0, first, 8), other = round_end(1, 1, second, 2);
  other.begin = 6 * kMs;
  own.sync = other.sync = Sync::kNode;
  first.write(own);
  second.write(other);
  const Profile profile = read_profile(directory_.path());
  EXPECT_DOUBLE_EQ(wait_times(profile.steps, 0).skew, 0);
  EXPECT_DOUBLE_EQ(wait_times(profile.steps, 0).moving, 8e-3);
  EXPECT_EQ(title_of(Sync::kNode), "node");
}

// Both are there after 15 ms, and the sum takes 2; but worker 1 gets to know it 5 ms later.
TEST_F(LedgerTest, WhoWakesUpLateWaitedForNobody) {
  ProfileFile file = open();
  file.write(round_end(1, 0, file, 2));
  file.write(round_end(1, 1, file, 7));
  const Profile profile = read_profile(directory_.path());
  for (const std::size_t worker : {0u, 1u}) EXPECT_DOUBLE_EQ(wait_times(profile.steps, worker).skew, 0);
  EXPECT_DOUBLE_EQ(wait_times(profile.steps, 1).moving, 7e-3);
}

// Both offered at 5 ms what was taken from 6 to 14 in the background; they waited from 10 on, to 14.
TEST_F(LedgerTest, WhatIsTakenBeforeAnybodyWaitsIsHidden) {
  ProfileFile file = open();
  for (const int worker : {0, 1}) {
    ProfiledStep step = local_step(1, worker, file);
    step.sync = Sync::kGradients;
    step.waits = {{.ready = 5 * kMs, .time = ms(10, 14), .means = {ms(6, 9), ms(9, 14)}}};
    file.write(step);
  }
  const Profile profile = read_profile(directory_.path());
  const WaitTimes times = wait_times(profile.steps, 0);
  EXPECT_DOUBLE_EQ(times.exposed, 4e-3);
  EXPECT_DOUBLE_EQ(times.moving, 4e-3);
  EXPECT_DOUBLE_EQ(times.skew, 0);
  EXPECT_DOUBLE_EQ(times.hidden, 4e-3);
}

TEST_F(LedgerTest, ClocksOfProcessesNeedNotAgree) {
  ProfileFile first = open(0, 2), second = open(1, 2);
  ProfiledStep early = round_end(1, 0, first, 8), late = round_end(1, 1, second, 2);
  late.begin = 77'000 * kMs;
  second.id_of(kSum);
  first.write(early);
  second.write(late);
  const Profile profile = read_profile(directory_.path());
  EXPECT_EQ(profile.steps.at(1).process, 1);
  EXPECT_DOUBLE_EQ(wait_times(profile.steps, 0).skew, 6e-3);
}

TEST_F(LedgerTest, OperationsOfAllProcessesAreTheSame) {
  ProfileFile first = open(0, 2), second = open(1, 2);
  second.id_of(kSum);  // so that its numbers are others
  first.write(local_step(1, 0, first));
  second.write(local_step(1, 1, second));
  EXPECT_EQ(ledger().rows.size(), 2u);
  EXPECT_DOUBLE_EQ(ledger().rows[0].seconds.at(Sync::kNone), 10e-3);
}

TEST_F(LedgerTest, FirstStepsAndThoseThatNotAllRecordedAreLeftOut) {
  ProfileFile file = open();
  for (const int worker : {0, 1}) {
    ProfiledStep first = local_step(1, worker, file, 500);
    first.first = worker == 1;
    file.write(first);
    file.write(local_step(2, worker, file));
    file.write(local_step(4, worker, file));
  }
  file.write(local_step(3, 0, file, 900));
  EXPECT_EQ(ledger().steps[0], 4u);
  EXPECT_DOUBLE_EQ(ledger().step.at(Sync::kNone), 15e-3);
}

// The second session does steps from 2 on again, in one process, and is killed after step 2.
TEST_F(LedgerTest, OfStepsThatWereDoneTwiceTheLaterOnesCount) {
  {
    ProfileFile first = open(0, 2), second = open(1, 2);
    for (const Step step : {1, 2, 3}) {
      first.write(local_step(step, 0, first, 20));
      second.write(local_step(step, 1, second, 20));
    }
  }
  ProfileFile again = open(0, 1, 1, /*first_step=*/2);
  for (const int worker : {0, 1}) again.write(local_step(2, worker, again, 40));
  const Profile profile = read_profile(directory_.path());
  ASSERT_EQ(profile.sessions.size(), 2u);
  std::string text;
  for (const Profile::RecordedStep& step : profile.steps) {
    text += fmt::format("{}.{}:{} ", step.of.step, step.of.worker, step.of.calls[0].time.length() / kMs);
  }
  EXPECT_EQ(text, "1.0:20 1.1:20 2.0:40 2.1:40 ");
}

TEST_F(LedgerTest, ARunWithoutProfileIsTold) {
  const Error error = testing::error_of([&] { read_profile(directory_.path()); });
  EXPECT_EQ(error.kind(), ErrorKind::kUsage);
  EXPECT_NE(error.message().find("has no profile: train it with --profile"), std::string::npos) << error.message();
}

TEST_F(LedgerTest, LayersComeInTheOrderOfForward) {
  ProfileFile file = open();
  const std::int64_t last = file.id_of({.op = "linear_forward", .part = "forward", .layer = "fc"});
  const std::int64_t back = file.id_of({.op = "linear_backward", .part = "backward", .layer = "fc"});
  for (const int worker : {0, 1}) {
    ProfiledStep step = local_step(1, worker, file);
    step.calls.push_back({.op = last, .time = ms(20, 23)});
    step.calls.push_back({.op = back, .time = ms(24, 29)});
    file.write(step);
  }
  const std::string text = layers_text(read_profile(directory_.path()));
  EXPECT_NE(text.find("\nfc          3.000        5.000"), std::string::npos) << text;
  EXPECT_LT(text.find("\nfc "), text.find("\nconv1 ")) << text;
}

}  // namespace
}  // namespace drift
