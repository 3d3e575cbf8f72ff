// What is averaged and what is not, in words.
#include "train/config/sync.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/error_of.h"
#include "train/config/processes.h"

namespace drift {
namespace {

using ::testing::HasSubstr;

TEST(SyncScope, IsSpelledOut) {
  SyncConfig sync;
  EXPECT_EQ(describe_scope(sync, true),
            "one model, gradients averaged at every step, batch-norm statistics re-estimated on 100 batches");
  sync.algorithm = Algorithm::kPostLocal;
  EXPECT_EQ(describe_scope(sync, true),
            "averaged model, batch-norm statistics re-estimated on 100 batches, momentum kept local");
  sync.scope = {.momentum = MomentumSync::kReset, .batch_norm = BatchNormPolicy::kAverage};
  EXPECT_EQ(describe_scope(sync, true),
            "averaged model, batch-norm statistics averaged, momentum reset at each average");
  EXPECT_EQ(describe_scope(sync, false), "averaged model, momentum reset at each average");
  sync.outer = {Outer::kNesterov, 0.7, 0.9};
  EXPECT_EQ(describe_scope(sync, false),
            "averaged model, momentum reset at each average, outer Nesterov with rate 0.7 and momentum 0.9");
}

TEST(OuterConfig, WhatContradictsItselfIsRefused) {
  SyncConfig sync;
  sync.algorithm = Algorithm::kLocal;
  const auto refusal = [&](const OuterConfig& outer) {
    sync.outer = outer;
    return testing::error_of([&] { check(sync, 0); }).message();
  };
  EXPECT_NO_THROW(check(sync, 0));
  EXPECT_THAT(refusal({Outer::kNone, 0.7, 0}), HasSubstr("choose one with --outer"));
  EXPECT_THAT(refusal({Outer::kNone, 1, 0.9}), HasSubstr("choose one with --outer"));
  EXPECT_THAT(refusal({Outer::kSgd, 0, 0}), HasSubstr("--outer-lr must be above 0"));
  EXPECT_THAT(refusal({Outer::kSgd, 1, 1}), HasSubstr("below 1"));
  EXPECT_THAT(refusal({Outer::kNesterov, 1, 0}), HasSubstr("give --outer-momentum"));
  sync.algorithm = Algorithm::kSgd;
  EXPECT_THAT(refusal({Outer::kSgd, 1, 0}), HasSubstr("has no rounds"));
}

TEST(PeriodsByLevel, NeedNodesThatDivideTheWorkers) {
  SyncConfig sync;
  sync.algorithm = Algorithm::kLocal;
  sync.workers = 8;
  sync.periods_by_level = {4, 8};
  sync.node_workers = 4;
  const auto refusal = [&](SyncConfig config) { return testing::error_of([&] { check(config, 0); }).message(); };
  EXPECT_NO_THROW(check(sync, 0));
  EXPECT_EQ(sync.round_periods(), std::vector<Step>{32});
  EXPECT_THAT(describe_scope(sync, false), HasSubstr("parameters averaged within nodes of 4 every 4 steps"));
  for (const int workers : {1, 3, 8, 16}) {
    SyncConfig wrong = sync;
    wrong.node_workers = workers;
    EXPECT_THAT(refusal(wrong), HasSubstr("which divides the 8 workers and is less"));
  }
  SyncConfig wrong = sync;
  wrong.periods = {4};
  EXPECT_THAT(refusal(wrong), HasSubstr("leave out --period"));
  wrong = sync;
  wrong.fragments = 2;
  EXPECT_THAT(refusal(wrong), HasSubstr("leave out --fragments"));
  wrong = sync;
  wrong.periods_by_level.clear();
  EXPECT_THAT(refusal(wrong), HasSubstr("say how often with --periods-by-level"));
  wrong = {};
  wrong.workers = 4;
  wrong.node_workers = 2;
  wrong.periods_by_level = {2, 2};
  EXPECT_THAT(refusal(wrong), HasSubstr("which --algo sgd has none of"));
}

TEST(Wire, GoesWithAStartThatAllHave) {
  SyncConfig sync;
  sync.algorithm = Algorithm::kLocal;
  sync.periods = {4};
  sync.wire.type = DType::kBFloat16;
  EXPECT_FALSE(sync.compresses()) << "one worker sends nothing";
  EXPECT_EQ(sync.more_arenas(), 0);
  sync.workers = 2;
  EXPECT_NO_THROW(check(sync, 0));
  EXPECT_EQ(sync.more_arenas_kept(), 2);
  EXPECT_THAT(describe_scope(sync, false), HasSubstr("sent as bf16 with error feedback"));
  sync.wire.error_feedback = false;
  EXPECT_EQ(sync.more_arenas_kept(), 1);
  EXPECT_THAT(describe_scope(sync, false), HasSubstr("sent as bf16 without error feedback"));
  const auto refusal = [](ProcessesConfig processes, const SyncConfig& config, int workers) {
    return testing::error_of([&] { check(processes, config, workers); }).message();
  };
  EXPECT_NO_THROW(check(ProcessesConfig{}, sync, 1));
  EXPECT_THAT(refusal({.reduce = Reduce::kFast}, sync, 1), HasSubstr("--reduce fast"));
  sync.fragment_delay = 2;
  EXPECT_THAT(testing::error_of([&] { check(sync, 0); }).message(), HasSubstr("--fragment-delay"));
}

TEST(PeriodsByLevel, NeedNodesInsideAProcess) {
  SyncConfig sync;
  sync.node_workers = 4;
  EXPECT_NO_THROW(check(ProcessesConfig{}, sync, 8));
  EXPECT_THAT(testing::error_of([&] { check(ProcessesConfig{}, sync, 2); }).message(),
              HasSubstr("would lie in several processes, which have 2 workers each"));
}

TEST(FragmentDelay, GoesWithWhatCanBeMixedInLate) {
  SyncConfig sync;
  sync.algorithm = Algorithm::kLocal;
  sync.periods = {8, 4};
  const auto refusal = [&](SyncConfig config) { return testing::error_of([&] { check(config, 1); }).message(); };
  sync.fragment_delay = 3;
  EXPECT_NO_THROW(check(sync, 1));
  EXPECT_THAT(describe_scope(sync, false), HasSubstr("mixed in 3 steps late (inexact)"));
  EXPECT_FALSE(sync.measures_rounds());
  SyncConfig wrong = sync;
  wrong.fragment_delay = 4;
  EXPECT_THAT(refusal(wrong), HasSubstr("in a round of 4 steps: an average must be there before the next one begins, "
                                        "less than 4 steps later"));
  wrong.fragment_delay = 2;
  wrong.fragments = 2;
  EXPECT_THAT(refusal(wrong), HasSubstr("less than 2 steps later"));
  wrong = sync;
  wrong.outer = {Outer::kSgd, 1, 0.5};
  EXPECT_THAT(refusal(wrong), HasSubstr("--outer none"));
  wrong = sync;
  wrong.scope.momentum = MomentumSync::kAverage;
  EXPECT_THAT(refusal(wrong), HasSubstr("--sync-momentum keep"));
  wrong = sync;
  wrong.scope.batch_norm = BatchNormPolicy::kAverage;
  EXPECT_THAT(refusal(wrong), HasSubstr("--bn-stats reestimate or local"));
  wrong = {};
  wrong.fragment_delay = 1;
  EXPECT_THAT(refusal(wrong), HasSubstr("which --algo sgd has none of"));
}

}  // namespace
}  // namespace drift
