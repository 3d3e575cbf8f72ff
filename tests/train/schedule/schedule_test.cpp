// make_schedule: which steps end a round and where decays land, for small runs by hand, for the paper's, and for any.
#include "train/schedule/schedule.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <gtest/gtest.h>
#include <limits>
#include <rapidcheck/gtest.h>

#include "tests/support/error_of.h"
#include "tests/train/schedule/sync_string.h"

namespace drift::testing {
namespace {

TrainConfig run_of(Algorithm algorithm, Step steps, std::vector<Step> periods) {
  TrainConfig config;
  config.length.steps = steps;
  config.sync.algorithm = algorithm;
  config.sync.periods = std::move(periods);
  return config;
}

void decay_at(TrainConfig& config, std::vector<double> epochs, DecayOn on = DecayOn::kRound) {
  config.lr.shape = LrShape::kSteps;
  config.lr.decay_epochs = std::move(epochs);
  config.lr.decay_on = on;
}

std::string plan_of(const TrainConfig& config, std::int64_t steps_per_epoch = 10) {
  const Schedule schedule = make_schedule(config, steps_per_epoch);
  return sync_string(schedule.plan, 0, schedule.total_steps);
}

TEST(Schedule, Sgd) {
  const Schedule schedule = make_schedule(run_of(Algorithm::kSgd, 6, {1}), 10);
  EXPECT_EQ(sync_string(schedule.plan, 0, 6), "gggggg");
  EXPECT_EQ(schedule.plan.rounds(), 0);
  EXPECT_EQ(schedule.plan.switch_step(), 6);
  EXPECT_EQ(schedule.steps_per_epoch, 10);
}

TEST(Schedule, LocalSgd) {
  TrainConfig config = run_of(Algorithm::kLocal, 10, {4});
  EXPECT_EQ(plan_of(config), "...p...p.p");
  config.sync.final_average = false;
  EXPECT_EQ(plan_of(config), "...p...p..");
  config.sync.periods = {100};
  EXPECT_EQ(plan_of(config), "..........");
  config.sync.final_average = true;
  EXPECT_EQ(plan_of(config), ".........p");
  config.sync.periods = {5};
  EXPECT_EQ(plan_of(config), "....p....p");
}

TEST(Schedule, PostLocalSgd) {
  TrainConfig config = run_of(Algorithm::kPostLocal, 11, {4});
  config.sync.switch_step = 3;
  EXPECT_EQ(plan_of(config), "ggg...p...p");
  config.sync.switch_step = 0;
  EXPECT_EQ(plan_of(config), "...p...p..p");
  config.sync.switch_step = 99;  // a recipe cut short by --steps
  EXPECT_EQ(plan_of(config), "ggggggggggg");
  config.sync.switch_step.reset();
  config.sync.switch_epoch = 0.5;
  EXPECT_EQ(plan_of(config), "ggggg...p.p");
}

TEST(Schedule, EpochsBecomeStepsDespiteBinaryFractions) {
  TrainConfig config;
  config.length.epochs = 2.3;  // 2.3 * 10 is 23, 2.9 * 100 is 290 though it computes to 289.99999999999994
  EXPECT_EQ(make_schedule(config, 10).total_steps, 23);
  config.length.epochs = 2.9;
  EXPECT_EQ(make_schedule(config, 100).total_steps, 290);
  config.length.epochs = 0.99;
  EXPECT_EQ(make_schedule(config, 10).total_steps, 9);
}

TEST(Schedule, LinearScaling) {
  TrainConfig config = run_of(Algorithm::kLocal, 5, {1});
  config.sync.workers = 32;
  config.sync.local_batch = 128;
  config.lr.lr = 0.25;
  EXPECT_EQ(make_schedule(config, 10).lr.at(0), 0.25);
  config.lr.linear_scaling = LinearScaling::kWorkers;
  EXPECT_EQ(make_schedule(config, 10).lr.at(0), 8);
  config.lr.linear_scaling = LinearScaling::kBatch256;
  EXPECT_EQ(make_schedule(config, 10).lr.at(0), 4);
}

// A decay is due at step 10: with H = 4 it lands behind the second round, and the next H starts clean there.
TEST(Schedule, DecayOnRoundLandsAtTheEndOfTheLastRoundThatEndsByItsEpoch) {
  TrainConfig config = run_of(Algorithm::kLocal, 20, {4, 3});
  decay_at(config, {1});
  const Schedule schedule = make_schedule(config, 10);
  EXPECT_EQ(sync_string(schedule.plan, 0, 20), "...p...p..p..p..p..p");
  EXPECT_EQ(schedule.lr.decay_steps(), std::vector<Step>{8});
  EXPECT_EQ(schedule.lr.at(7), 0.1);
  EXPECT_DOUBLE_EQ(schedule.lr.at(8), 0.01);

  config.sync.periods = {5};  // a round that ends exactly there
  EXPECT_EQ(make_schedule(config, 10).lr.decay_steps(), std::vector<Step>{10});
}

// The same on the epoch: the rate falls inside the third round, which goes on; the new H follows it.
TEST(Schedule, DecayOnEpochLeavesTheRoundAndSwitchesHAfterIt) {
  TrainConfig config = run_of(Algorithm::kLocal, 20, {4, 3});
  decay_at(config, {1}, DecayOn::kEpoch);
  const Schedule schedule = make_schedule(config, 10);
  EXPECT_EQ(sync_string(schedule.plan, 0, 20), "...p...p...p..p..p.p");
  EXPECT_EQ(schedule.lr.decay_steps(), std::vector<Step>{10});
}

TEST(Schedule, SynchronousDecaysLandOnTheirEpochAndPickThePeriod) {
  TrainConfig config = run_of(Algorithm::kPostLocal, 60, {1, 7, 6});
  config.sync.switch_epoch = 2;
  decay_at(config, {1, 4});
  const Schedule schedule = make_schedule(config, 10);
  // Rounds of H = 7 from step 20; the decay due at 40 lands behind two of them.
  EXPECT_EQ(schedule.lr.decay_steps(), (std::vector<Step>{10, 34}));
  EXPECT_EQ(sync_string(schedule.plan, 0, 60), "gggggggggggggggggggg......p......p.....p.....p.....p.....p.p");
}

TEST(Schedule, DecaysBehindTheEndDoNotMatter) {
  TrainConfig config = run_of(Algorithm::kSgd, 20, {1});
  decay_at(config, {1, 2, 3});
  EXPECT_EQ(make_schedule(config, 10).lr.decay_steps(), std::vector<Step>{10});
}

// Figure 1(a): 12 steps per epoch, synchronous to epoch 250 = the decay, then H = 600 to epoch 500: 5 rounds.
TEST(Schedule, PaperFigure1a) {
  TrainConfig config;
  config.length.epochs = 500;
  config.sync.algorithm = Algorithm::kPostLocal;
  config.sync.workers = 32;
  config.sync.periods = {600};
  config.sync.switch_epoch = 250;
  config.lr.lr = 0.1;
  config.lr.linear_scaling = LinearScaling::kWorkers;
  config.lr.warmup_epochs = 50;
  config.lr.warmup_start = 0.1;
  decay_at(config, {250});
  const Schedule schedule = make_schedule(config, 12);
  EXPECT_EQ(schedule.total_steps, 6000);
  EXPECT_EQ(all_rounds(schedule.plan),
            (std::vector<Round>{{3000, 3600}, {3600, 4200}, {4200, 4800}, {4800, 5400}, {5400, 6000}}));
  EXPECT_EQ(schedule.plan.at(2999), Sync::kGradients);
  EXPECT_EQ(schedule.lr.at(0), 0.1);
  EXPECT_DOUBLE_EQ(schedule.lr.at(300), 0.1 + (3.2 - 0.1) / 2);
  EXPECT_DOUBLE_EQ(schedule.lr.at(2999), 3.2);
  EXPECT_DOUBLE_EQ(schedule.lr.at(3000), 0.32);
  EXPECT_DOUBLE_EQ(schedule.lr.at(5999), 0.32);
}

// Figure 1(b): 156 steps per epoch, decays at epochs 50 and 100 = the switch, H = 26: 6 rounds per epoch, 300 in all.
TEST(Schedule, PaperFigure1b) {
  TrainConfig config;
  config.length.epochs = 150;
  config.sync.algorithm = Algorithm::kPostLocal;
  config.sync.workers = 256;
  config.sync.local_batch = 32;
  config.sync.periods = {26};
  config.sync.switch_epoch = 100;
  config.lr.lr = 0.5;
  config.lr.linear_scaling = LinearScaling::kBatch256;
  config.lr.warmup_epochs = 5;
  config.lr.warmup_start = 0.5;
  decay_at(config, {50, 100}, DecayOn::kEpoch);
  const Schedule schedule = make_schedule(config, 156);
  EXPECT_EQ(schedule.plan.rounds(), 300);
  EXPECT_EQ(all_rounds(schedule.plan).back(), (Round{23374, 23400}));
  EXPECT_EQ(schedule.lr.decay_steps(), (std::vector<Step>{7800, 15600}));
  EXPECT_DOUBLE_EQ(schedule.lr.at(780), 16);
  EXPECT_DOUBLE_EQ(schedule.lr.at(15600), 0.16);
}

// The table: H at each round's start for learning rate 0.2 (1 + cos(pi t / 120)), alpha 0.6, H_base 3, worked out
// apart.
TEST(Schedule, QsrFollowsTheCosine) {
  TrainConfig config = run_of(Algorithm::kLocal, 120, {3});
  config.lr.lr = 0.4;
  config.lr.shape = LrShape::kCosine;
  config.sync.qsr_alpha = 0.6;
  std::vector<Round> expected;
  for (Step first = 0; first < 42; first += 3) expected.push_back({first, first + 3});
  for (const Step last : {46, 50, 55, 62, 72, 90, 120})
    expected.push_back({expected.back().last, last});  // 104 clipped to 30
  EXPECT_EQ(all_rounds(make_schedule(config, 10).plan), expected);

  config.sync.final_average = false;
  expected.pop_back();
  EXPECT_EQ(all_rounds(make_schedule(config, 10).plan), expected);
}

// Rounds that are alike are found without looking at each: every one must have the H of its own start all the same.
RC_GTEST_PROP(Schedule, EveryRoundHasTheHOfItsStart, ()) {
  const Step steps = *rc::gen::inRange<Step>(1, 3000);
  TrainConfig config = run_of(Algorithm::kLocal, steps, {*rc::gen::inRange<Step>(1, 9)});
  config.sync.qsr_alpha = *rc::gen::element(0.0, 0.05, 0.2, 0.6);
  if (*rc::gen::arbitrary<bool>()) {
    config.lr.shape = LrShape::kCosine;
    config.lr.warmup_epochs = static_cast<double>(*rc::gen::inRange<Step>(0, steps / 2 + 1)) / 10;
  } else {
    config.sync.periods.push_back(*rc::gen::inRange<Step>(1, 9));
    decay_at(config, {*rc::gen::inRange(1, 3000) * 0.1}, DecayOn::kEpoch);
  }
  const Schedule schedule = make_schedule(config, 10);
  const Step warmup = std::llround(config.lr.warmup_epochs * 10);
  for (const Round& round : all_rounds(schedule.plan)) {
    const std::vector<Step>& decays = schedule.lr.decay_steps();
    const bool decayed = !decays.empty() && round.first >= decays.front();
    double period = static_cast<double>(decayed ? config.sync.periods.back() : config.sync.periods.front());
    if (config.sync.qsr_alpha > 0 && round.first >= warmup) {
      const double ratio = config.sync.qsr_alpha / schedule.lr.at(round.first);
      period = std::max(period, std::floor(ratio * ratio * (1 + 1e-12)));
    }
    RC_ASSERT(static_cast<double>(round.period()) ==
              std::min(period, static_cast<double>(schedule.total_steps - round.first)));
  }
}

TEST(Schedule, IsAsLargeAsHChangesOftenHoweverLongTheRun) {
  constexpr Step kSteps = 1'000'000'000'000;
  TrainConfig config = run_of(Algorithm::kLocal, kSteps, {3});
  EXPECT_EQ(make_schedule(config, 10).plan.rounds(), kSteps / 3 + 1);
  EXPECT_EQ(make_schedule(config, 10).plan.stretches().size(), 2u);  // one step is left for the last
  decay_at(config, {1000, 1e9});
  EXPECT_LE(make_schedule(config, 10).plan.stretches().size(), 4u);
  config = run_of(Algorithm::kLocal, 1'000'000'000, {1});
  config.lr.shape = LrShape::kCosine;
  config.sync.qsr_alpha = 0.2;
  EXPECT_LE(make_schedule(config, 10).plan.stretches().size(), 50'000u);  // H rises from 4, one by one at most
}

// lr 0.1, then 0.05 from the decay due at step 10; alpha 0.2: H = 4, then 16.
TEST(Schedule, QsrWithStepDecays) {
  TrainConfig config = run_of(Algorithm::kLocal, 40, {2});
  config.lr.gamma = 0.5;
  config.sync.qsr_alpha = 0.2;
  decay_at(config, {1}, DecayOn::kEpoch);
  EXPECT_EQ(all_rounds(make_schedule(config, 10).plan),
            (std::vector<Round>{{0, 4}, {4, 8}, {8, 12}, {12, 28}, {28, 40}}));
  config.lr.decay_on = DecayOn::kRound;
  EXPECT_EQ(all_rounds(make_schedule(config, 10).plan), (std::vector<Round>{{0, 4}, {4, 8}, {8, 24}, {24, 40}}));
}

TEST(Schedule, QsrKeepsTheBasePeriodInTheWarmupAndForgivesRounding) {
  TrainConfig config = run_of(Algorithm::kLocal, 30, {3});
  config.lr.warmup_epochs = 1;
  config.sync.qsr_alpha = 0.3;  // (0.3 / 0.1)^2 computes to 8.999999999999998
  EXPECT_EQ(all_rounds(make_schedule(config, 10).plan),
            (std::vector<Round>{{0, 3}, {3, 6}, {6, 9}, {9, 12}, {12, 21}, {21, 30}}));
  config.lr.warmup_epochs = 0;
  config.lr.lr = 0;  // H is infinite
  EXPECT_EQ(all_rounds(make_schedule(config, 10).plan), (std::vector<Round>{{0, 30}}));
  config.lr.lr = 0.1;
  config.sync.qsr_power = 3;
  EXPECT_EQ(all_rounds(make_schedule(config, 10).plan), (std::vector<Round>{{0, 27}, {27, 30}}));
}

// The paper's CIFAR code: r1 = floor(e1 spe / H1) rounds, then r2 - r1 = floor((e2 - e1) spe / H2), each decay right
// after.
RC_GTEST_PROP(Schedule, DecaysLandOnThePapersRounds, ()) {
  const Step spe = *rc::gen::inRange<Step>(1, 20);
  const Step h1 = *rc::gen::inRange<Step>(1, spe + 1), h2 = *rc::gen::inRange<Step>(1, spe + 1);
  const Step e1 = *rc::gen::inRange<Step>(1, 10), e2 = e1 + *rc::gen::inRange<Step>(1, 10);
  TrainConfig config = run_of(Algorithm::kLocal, (e2 + 3) * spe, {h1, h2, 2});
  decay_at(config, {static_cast<double>(e1), static_cast<double>(e2)});
  const Step first = e1 * spe / h1 * h1;
  const Step second = first + (e2 - e1) * spe / h2 * h2;
  RC_ASSERT(make_schedule(config, spe).lr.decay_steps() == (std::vector<Step>{first, second}));
}

TrainConfig any_run() {
  TrainConfig config = run_of(*rc::gen::element(Algorithm::kLocal, Algorithm::kPostLocal),
                              *rc::gen::inRange<Step>(1, 300), {*rc::gen::inRange<Step>(1, 40)});
  if (config.sync.algorithm == Algorithm::kPostLocal) config.sync.switch_step = *rc::gen::inRange<Step>(0, 320);
  config.sync.final_average = *rc::gen::arbitrary<bool>();
  config.sync.qsr_alpha = *rc::gen::element(0.0, 0.05, 0.3);
  if (*rc::gen::arbitrary<bool>()) decay_at(config, {*rc::gen::inRange(1, 300) * 0.1}, DecayOn::kEpoch);
  return config;
}

RC_GTEST_PROP(Schedule, RoundsFollowEachOtherAndEachEndsInOneAverage, ()) {
  const TrainConfig config = any_run();
  const Schedule schedule = make_schedule(config, 10);
  const std::vector<Round> rounds = all_rounds(schedule.plan);
  RC_ASSERT(std::ssize(rounds) == schedule.plan.rounds());
  const std::string text = sync_string(schedule.plan, 0, schedule.total_steps);
  RC_ASSERT(static_cast<std::size_t>(std::count(text.begin(), text.end(), 'p')) == rounds.size());
  RC_ASSERT(text.find_first_not_of('g') == text.find_first_of(".p"));
  RC_ASSERT(text.find_last_of('g') + 1 == static_cast<std::size_t>(schedule.plan.switch_step()));
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    RC_ASSERT(rounds[i].period() >= 1);
    RC_ASSERT(rounds[i].last <= schedule.total_steps);
    if (i + 1 < rounds.size()) RC_ASSERT(rounds[i].period() >= config.sync.periods.front());
  }
  if (config.sync.final_average && schedule.plan.switch_step() < schedule.total_steps) RC_ASSERT(text.back() == 'p');
}

RC_GTEST_PROP(Schedule, OfAShorterRunIsTheBeginningOfALongerOnes, ()) {
  TrainConfig config = any_run();
  config.sync.final_average = false;
  const Schedule schedule = make_schedule(config, 10);
  const Step shorter = *rc::gen::inRange<Step>(1, *config.length.steps + 1);
  config.length.steps = shorter;
  const Schedule begun = make_schedule(config, 10);
  for (Step step = 0; step < shorter; ++step) {
    RC_ASSERT(begun.lr.at(step) == schedule.lr.at(step));
    const std::optional<Round> round = schedule.plan.round_of(step);
    if (!round || round->last <= shorter) RC_ASSERT(begun.plan.at(step) == schedule.plan.at(step));
  }
}

RC_GTEST_PROP(Schedule, DoesNotDependOnWhatItIsNotAbout, ()) {
  TrainConfig config = any_run();
  const Schedule schedule = make_schedule(config, 10);
  config.sync.workers = *rc::gen::inRange(1, 64);
  config.sync.local_batch = *rc::gen::inRange(1, 64);
  config.seed = *rc::gen::arbitrary<std::uint64_t>();
  RC_ASSERT(all_rounds(make_schedule(config, 10).plan) == all_rounds(schedule.plan));
}

RC_GTEST_PROP(Schedule, PeriodOneAveragesParametersAtEveryLocalStep, ()) {
  TrainConfig config = any_run();
  config.sync.periods = {1};
  config.sync.qsr_alpha = 0;
  const Schedule schedule = make_schedule(config, 10);
  const Step from = schedule.plan.switch_step();
  RC_ASSERT(sync_string(schedule.plan, from, schedule.total_steps) ==
            std::string(static_cast<std::size_t>(schedule.total_steps - from), 'p'));
}

struct Contradiction {
  const char* says;
  std::function<void(TrainConfig&)> make;
};

// Each starts from a post-local run without a fault: 10 epochs of 10 steps, switch at epoch 2, decay at 5, H = 4.
const Contradiction kContradictions[] = {
    {"--period has no meaning with --algo sgd",
     [](TrainConfig& c) { c.sync.algorithm = Algorithm::kSgd, c.sync.switch_epoch.reset(); }},
    {"--qsr-alpha chooses periods", [](TrainConfig& c) { c.sync = SyncConfig(), c.sync.qsr_alpha = 0.1; }},
    {"needs one of --switch-epoch and --switch-step", [](TrainConfig& c) { c.sync.switch_epoch.reset(); }},
    {"needs one of --switch-epoch and --switch-step", [](TrainConfig& c) { c.sync.switch_step = 20; }},
    {"belong to --algo post-local", [](TrainConfig& c) { c.sync.algorithm = Algorithm::kLocal; }},
    {"--switch-epoch must be", [](TrainConfig& c) { c.sync.switch_epoch = -1; }},
    {"--period must be at least 1, got 0",
     [](TrainConfig& c) {
       c.sync.periods = {4, 0};
     }},
    {"one to three values of H", [](TrainConfig& c) { c.sync.periods = {}; }},
    {"one to three values of H",
     [](TrainConfig& c) {
       c.sync.periods = {1, 2, 3, 4};
     }},
    {"3 values of --period need 2 --decay-epochs",
     [](TrainConfig& c) {
       c.sync.periods = {1, 2, 3};
     }},
    {"ascending, but 4 follows 5",
     [](TrainConfig& c) {
       c.lr.decay_epochs = {5, 4};
     }},
    {"ascending, but 0 follows 0", [](TrainConfig& c) { c.lr.decay_epochs = {0}; }},
    {"needs --decay-epochs", [](TrainConfig& c) { c.lr.decay_epochs = {}; }},
    {"--decay-epochs belong to", [](TrainConfig& c) { c.lr.shape = LrShape::kCosine; }},
    {"--gamma must be", [](TrainConfig& c) { c.lr.gamma = 0; }},
    {"--warmup-epochs 11 are 110 steps, but the run has only 100", [](TrainConfig& c) { c.lr.warmup_epochs = 11; }},
    {"inside the warm-up of 60 steps", [](TrainConfig& c) { c.lr.warmup_epochs = 6; }},
    {"no round of 31 steps fits between step 20 and the decay of epoch 5 (step 50)",
     [](TrainConfig& c) { c.sync.periods = {31}; }},
    {"--min-lr must be from 0 to the peak learning rate 0.1, got 0.2",
     [](TrainConfig& c) { c.lr.shape = LrShape::kCosine, c.lr.decay_epochs = {}, c.lr.min_lr = 0.2; }},
    {"--lr must be", [](TrainConfig& c) { c.lr.lr = std::numeric_limits<double>::quiet_NaN(); }},
    {"--epochs must be", [](TrainConfig& c) { c.length.epochs = -1; }},
    {"the run has 0 steps", [](TrainConfig& c) { c.length.steps = 0; }},
};

TEST(Schedule, ContradictionsSayWhatToChange) {
  TrainConfig sound;
  sound.length.epochs = 10;
  sound.sync.algorithm = Algorithm::kPostLocal;
  sound.sync.periods = {4};
  sound.sync.switch_epoch = 2;
  decay_at(sound, {5});
  ASSERT_NO_THROW(make_schedule(sound, 10));
  for (const Contradiction& contradiction : kContradictions) {
    TrainConfig config = sound;
    contradiction.make(config);
    SCOPED_TRACE(contradiction.says);
    const Error error = error_of([&] { make_schedule(config, 10); });
    EXPECT_EQ(error.kind(), ErrorKind::kConfig);
    EXPECT_NE(error.message().find(contradiction.says), std::string::npos) << error.message();
  }
}

}  // namespace
}  // namespace drift::testing
