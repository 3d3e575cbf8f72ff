#include "analysis/ledger/difference.h"

#include <cmath>

#include "tests/analysis/profiled_run.h"
#include "tests/support/error_of.h"

namespace drift {
namespace {

using testing::local_step;
using testing::ms;

class DifferenceTest : public testing::ProfiledRun {
 protected:
  // Four local steps of both workers, whose convolutions take this many ms, and one that only this run has.
  Profile profile(int number, const std::array<std::int64_t, 4>& convolutions, const std::string& extra) {
    const std::filesystem::path run = directory_ / std::to_string(number);
    std::filesystem::create_directories(run / "profile");
    ProfileFile file(profile_path(run, 0), testing::session_of(0, 1));
    for (Step step = 0; step < 4; ++step) {
      for (const int worker : {0, 1}) {
        ProfiledStep one = local_step(step, worker, file, convolutions[static_cast<std::size_t>(step)]);
        one.calls.push_back({.op = file.id_of({.op = extra, .part = "other", .layer = ""}), .time = ms(0, 1)});
        file.write(one);
      }
    }
    return read_profile(run);
  }
  static std::vector<LedgerDifference> local_differences(const std::vector<Profile>& before,
                                                         const std::vector<Profile>& after) {
    std::vector<Ledger> first, second;
    for (const Profile& profile : before) first.push_back(make_ledger(profile));
    for (const Profile& profile : after) second.push_back(make_ledger(profile));
    return differences(first, second, Sync::kNone);
  }
};

TEST_F(DifferenceTest, NamesWhatChangedAndWhetherItIsMoreThanNoise) {
  const Profile before = profile(0, {10, 10, 10, 10}, "fill"), after = profile(1, {13, 13, 13, 13}, "cast");
  const std::vector<LedgerDifference> all = local_differences({before}, {after});
  EXPECT_EQ(all.front().name, "conv2d_forward");
  EXPECT_NEAR(all.front().change(), 3e-3, 1e-12);
  EXPECT_TRUE(all.front().is_sure());
  EXPECT_EQ(all.back().name, "all");
  EXPECT_NEAR(all.back().before, 15e-3, 1e-12);
  EXPECT_NEAR(all.back().after, 18e-3, 1e-12);
  const auto named = [&](const std::string& name) { return *std::ranges::find(all, name, &LedgerDifference::name); };
  EXPECT_NEAR(named("fill").change(), -1e-3, 1e-12) << "only before";
  EXPECT_NEAR(named("cast").change(), 1e-3, 1e-12) << "only after";
  EXPECT_FALSE(named("sgd_update").is_sure());
  EXPECT_FALSE(named("between operations").is_sure()) << "what is less than the clock can tell is nothing";
  const std::string text = difference_text({&before, 1}, "a", {&after, 1}, "b");
  EXPECT_NE(text.find("before: a\nafter: b\n\nlocal: 8 steps of workers before, 8 after, ms\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("conv2d_forward      10.000  13.000  +3.000  ±0.000   +30.0 %  slower"), std::string::npos)
      << text;
}

// Quartiles of 7, 9, 11, 13 are 8.5 and 11.5: 1.58 * 3 / 2 for a run.
TEST_F(DifferenceTest, StepsThatDifferAreNoise) {
  const Profile before = profile(0, {10, 10, 10, 10}, "fill"), after = profile(1, {7, 9, 11, 13}, "fill");
  const LedgerDifference convolution = local_differences({before}, {after}).front();
  EXPECT_NEAR(convolution.noise, 2.37e-3, 1e-9);
  EXPECT_FALSE(convolution.is_sure());
}

// Their means are 9 and 11: half an interval is 12.706 * sqrt(2) / sqrt(2) for them, whatever their steps did. What
// only one of them has is half of it.
TEST_F(DifferenceTest, RunsAreTheRepeatsWhereThereAreSeveral) {
  const Profile nine = profile(0, {9, 9, 9, 9}, "fill"), eleven = profile(1, {11, 11, 11, 11}, "cast");
  const Profile after = profile(2, {20, 20, 20, 20}, "fill");
  const std::vector<LedgerDifference> all = local_differences({nine, eleven}, {after});
  EXPECT_EQ(all.front().name, "conv2d_forward");
  EXPECT_NEAR(all.front().before, 10e-3, 1e-12);
  EXPECT_NEAR(all.front().noise, 12.7062e-3, 1e-6);
  EXPECT_FALSE(all.front().is_sure());
  EXPECT_NEAR(std::ranges::find(all, "fill", &LedgerDifference::name)->before, 0.5e-3, 1e-12);
  const std::vector<LedgerDifference> surer = local_differences({nine, nine, eleven, eleven}, {after});
  EXPECT_NEAR(surer.front().noise, 3.1824e-3 * std::sqrt(4.0 / 3) / 2, 1e-6);
  EXPECT_TRUE(surer.front().is_sure());
  const std::vector<Profile> before = {nine, eleven};
  EXPECT_TRUE(difference_text(before, "a", {&after, 1}, "b").starts_with("before: a (2 runs)\nafter: b\n"));
}

TEST_F(DifferenceTest, RunsWithoutACommonKindOfStepCannotBeCompared) {
  const Profile before = profile(0, {10, 10, 10, 10}, "fill");
  Profile after = before;
  for (Profile::RecordedStep& step : after.steps) step.of.sync = Sync::kGradients;
  EXPECT_EQ(testing::error_of([&] {
              difference_text({&before, 1}, "a", {&after, 1}, "b");
            }).message(),
            "a and b have no kind of step that all recorded behind the first");
}

}  // namespace
}  // namespace drift
