#include "train/schedule/sync_plan.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "tests/train/schedule/sync_string.h"

namespace drift::testing {
namespace {

TEST(SyncPlan, IsTheOneInItsHeader) {
  const SyncPlan plan(3, {{3, 4, 2}});
  EXPECT_EQ(sync_string(plan, 0, 11), "ggg...p...p");
}

TEST(SyncPlan, OfParallelSgdAveragesGradientsAtEveryStep) {
  EXPECT_EQ(sync_string(SyncPlan(5, {}), 0, 5), "ggggg");
}

TEST(SyncPlan, StepsBehindTheLastRoundStayLocal) {
  const SyncPlan plan(0, {{0, 2, 1}, {2, 1, 1}});
  EXPECT_EQ(sync_string(plan, 0, 6), ".pp...");
  EXPECT_EQ(plan.round_of(3), std::nullopt);
}

TEST(SyncPlan, KnowsTheRoundOfAStepAndThoseBefore) {
  const SyncPlan plan(2, {{2, 3, 1}, {5, 1, 1}});
  EXPECT_EQ(plan.round_of(1), std::nullopt);
  EXPECT_EQ(*plan.round_of(2), (Round{2, 5}));
  EXPECT_EQ(*plan.round_of(4), (Round{2, 5}));
  EXPECT_EQ(*plan.round_of(5), (Round{5, 6}));
  EXPECT_EQ(plan.round_of(5)->period(), 1);
  EXPECT_EQ(plan.round_of(6), std::nullopt);
  EXPECT_EQ(plan.rounds_before(0), 0);
  EXPECT_EQ(plan.rounds_before(4), 0);
  EXPECT_EQ(plan.rounds_before(5), 1);
  EXPECT_EQ(plan.rounds_before(6), 2);
  EXPECT_EQ(plan.rounds_before(100), 2);
}

TEST(SyncPlan, OfFragmentsIsTheOneInItsHeader) {
  const SyncPlan plan(3, {{3, 4, 2}}, 2);
  EXPECT_EQ(sync_string(plan, 0, 11), "ggg.f.p.f.p");
  EXPECT_EQ(plan.fragments_at(2), Fragments());
  EXPECT_EQ(plan.fragments_at(4), (Fragments{0, 1}));
  EXPECT_EQ(plan.fragments_at(6), (Fragments{1, 2}));
  EXPECT_TRUE(plan.all_are_equal(3));
  EXPECT_FALSE(plan.all_are_equal(7)) << "the first half was averaged two steps ago";
  EXPECT_TRUE(SyncPlan(3, {{3, 4, 2}}).all_are_equal(7));
}

TEST(SyncPlan, OfTwoLevelsIsTheOneInItsHeader) {
  const SyncPlan plan(3, {{3, 4, 2}, {11, 3, 1}}, 1, 0, 2);
  EXPECT_EQ(sync_string(plan, 0, 14), "ggg.n.p.n.p.np") << "of a short round as far as it goes";
  EXPECT_TRUE(plan.all_are_equal(7));
  EXPECT_FALSE(plan.all_are_equal(5)) << "within nodes alone";
  EXPECT_EQ(plan.rounds_before(7), 1);
}

TEST(SyncPlan, WithADelayMixesInLateButForTheLastAverage) {
  const SyncPlan plan(3, {{3, 4, 2}}, 2, 1);
  EXPECT_EQ(sync_string(plan, 0, 11), "ggg.f.p.f.p");
  EXPECT_EQ(plan.mixed_behind(4), 5);
  EXPECT_EQ(plan.mixed_behind(6), 7);
  EXPECT_EQ(plan.mixed_behind(10), 10);
  EXPECT_EQ(plan.average_before(4), std::nullopt);
  EXPECT_EQ(plan.average_before(5), 4);
  EXPECT_EQ(plan.average_before(8), 6);
  EXPECT_EQ(plan.average_before(100), 10);
  const SyncPlan whole(3, {{3, 4, 2}}, 1, 1);
  EXPECT_TRUE(whole.all_are_equal(3));
  EXPECT_FALSE(whole.all_are_equal(7));
}

RC_GTEST_PROP(SyncPlan, AveragesEachFragmentOnceInARoundInTheirOrder, ()) {
  const Step period = *rc::gen::inRange<Step>(1, 40);
  const int fragments = *rc::gen::inRange(1, 20);
  const SyncPlan plan(2, {{2, period, 2}}, fragments);
  int next = 0;
  for (Step step = 2; step < 2 + period; ++step) {
    const Fragments due = plan.fragments_at(step);
    RC_ASSERT(due.begin == next && due.begin <= due.end);
    next = due.end;
    const bool last = step + 1 == 2 + period;
    RC_ASSERT(plan.at(step) == (last ? Sync::kParameters : due.begin < due.end ? Sync::kFragment : Sync::kNone));
    RC_ASSERT(plan.fragments_at(step + period) == due);
    const auto share = static_cast<double>(fragments * (step - 1)) / static_cast<double>(period);
    RC_ASSERT(share - 1 < next && next <= share);  // as evenly as whole fragments allow
  }
  RC_ASSERT(next == fragments);
}

TEST(SyncPlan, RefusesRoundsThatAreNotBackToBack) {
  EXPECT_THROW(SyncPlan(0, {{1, 1, 1}}), Error);             // a gap behind the switch
  EXPECT_THROW(SyncPlan(0, {{0, 2, 2}, {5, 1, 1}}), Error);  // a gap
  EXPECT_THROW(SyncPlan(0, {{0, 2, 2}, {3, 1, 1}}), Error);  // an overlap
  EXPECT_THROW(SyncPlan(0, {{0, 0, 1}}), Error);             // an empty round
  EXPECT_THROW(SyncPlan(0, {{0, 1, 0}}), Error);             // no round
}

// Any plan, written out step by step as it is built.
RC_GTEST_PROP(SyncPlan, SaysWhatItWasBuiltFrom, ()) {
  const Step switch_step = *rc::gen::inRange<Step>(0, 20);
  const auto periods = *rc::gen::container<std::vector<Step>>(rc::gen::inRange<Step>(1, 9));
  const Step count = *rc::gen::inRange<Step>(1, 4);
  std::string expected(static_cast<std::size_t>(switch_step), 'g');
  std::vector<Stretch> stretches;
  for (const Step period : periods) {
    const auto first = static_cast<Step>(expected.size());
    stretches.push_back({first, period, count});
    for (Step i = 0; i < count; ++i) expected += std::string(static_cast<std::size_t>(period - 1), '.') + 'p';
  }
  const SyncPlan plan(switch_step, stretches);
  RC_ASSERT(sync_string(plan, 0, static_cast<Step>(expected.size())) == expected);
  for (std::size_t step = 0; step < expected.size(); ++step) {
    const auto averages = std::count(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(step), 'p');
    RC_ASSERT(plan.rounds_before(static_cast<Step>(step)) == averages);
  }
  RC_ASSERT(plan.rounds() == std::ssize(stretches) * count);
  RC_ASSERT(plan.last_round_end() == std::ssize(expected));
}

}  // namespace
}  // namespace drift::testing
