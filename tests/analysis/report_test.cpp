// From run directories to arms, results, figures and a page.
#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "analysis/report/figures.h"
#include "analysis/report/page.h"
#include "analysis/report/results.h"
#include "analysis/report/series.h"
#include "tests/support/temp_directory.h"
#include "train/config/options.h"
#include "train/runs/run_directory.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

struct Made {
  Algorithm algorithm = Algorithm::kSgd;
  std::uint64_t seed = 1;
  double top1 = 0.5;
  Step first = 0, last = 20;  // at half of which gradients are averaged no more, where the algorithm is not SGD
  bool ends = true;
};

// Ten steps an epoch, a second a step, 100 bytes an average, an evaluation of two seconds after each epoch.
void make_run(const fs::path& path, const Made& made) {
  TrainConfig config;
  config.sync.algorithm = made.algorithm;
  config.sync.workers = 2;
  config.sync.local_batch = 8;
  config.seed = made.seed;
  const auto run = RunDirectory::create(
      path, {.config = config,
             .command = "drift train <here>",
             .environment = {{"cpu", "a CPU"}, {"setup", {{"steps", made.last}, {"device", "cpu"}}}},
             .first_step = made.first});
  for (Step step = made.first; step < made.last; ++step) {
    const bool local = made.algorithm != Algorithm::kSgd && step >= made.last / 2;
    const Sync sync = !local ? Sync::kGradients : step % 5 == 4 ? Sync::kParameters : Sync::kNone;
    run->step({.step = step,
               .epoch = static_cast<double>(step + 1) / 10,
               .samples = 16 * (step + 1),
               .period = local ? 5 : 1,
               .loss = 2 - 0.01 * static_cast<double>(step),
               .lr = step < made.last / 2 ? 0.1 : 0.01,
               .sync = sync,
               .images_per_second = 16,
               .seconds = 1,
               .times = {.comm_seconds = local ? 0 : 0.25},
               .bytes = sync == Sync::kNone ? 0 : 100});
    if (step % 10 == 9) {
      run->evaluation({.step = step + 1,
                       .epoch = static_cast<double>(step + 1) / 10,
                       .loss = 1,
                       .top1 = made.top1 * static_cast<double>(step + 1) / static_cast<double>(made.last),
                       .seconds = 2});
    }
  }
  if (made.ends) run->write_summary({"finished", "", "averaged model"});
}

class Reports : public ::testing::Test {
 protected:
  RunRecords made(const std::string& name, const Made& made) const {
    make_run(directory_ / name, made);
    return read_run(directory_ / name);
  }
  testing::TempDirectory directory_;
};

TEST_F(Reports, ArmsAreComparedSeedBySeed) {
  std::vector<RunRecords> runs;
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    const double level = 0.1 * static_cast<double>(seed);  // what a seed does to both
    runs.push_back(made(fmt::format("sgd-{}", seed), {.seed = seed, .top1 = level}));
    if (seed == 3) continue;
    runs.push_back(made(fmt::format("local-{}", seed),
                        {.algorithm = Algorithm::kLocal, .seed = seed, .top1 = level + 0.02 * level / 0.1}));
  }
  const std::vector<Arm> arms = arms_of(std::move(runs));
  ASSERT_EQ(arms.size(), 2u);
  const std::vector<Plot> plots = figures_of(arms);
  const auto plot = std::ranges::find(plots, "accuracy-difference", &Plot::id);
  ASSERT_NE(plot, plots.end());
  EXPECT_EQ(plot->title, "Test accuracy, difference to algo sgd");
  ASSERT_EQ(plot->lines.size(), 2u);
  for (const PlotPoint& zero : plot->lines[0].points) EXPECT_EQ(zero.y, 0);
  // Half of it after the first of two epochs: 0.01 and 0.02, whose half width is 0.005 t(0.975, 1) = 0.005 x 12.7062.
  ASSERT_EQ(plot->lines[1].points.size(), 2u);
  const PlotPoint& first = plot->lines[1].points[0];
  EXPECT_NEAR(first.x, 1, 1e-9);
  EXPECT_NEAR(first.y, 0.015, 1e-12);
  EXPECT_NEAR(first.high - first.y, 0.005 * 12.7062, 1e-6);
  EXPECT_NEAR(plot->lines[1].points[1].y, 0.03, 1e-12);
}

TEST_F(Reports, NothingIsComparedWithoutAPair) {
  const std::vector<Plot> plots =
      figures_of(arms_of({made("a", {.seed = 1}), made("b", {.algorithm = Algorithm::kLocal, .seed = 2})}));
  EXPECT_EQ(std::ranges::count(plots, "accuracy-difference", &Plot::id), 0);
}

TEST_F(Reports, ARunIsReadAsItWasWritten) {
  const RunRecords run = made("a", {.seed = 7});
  EXPECT_EQ(run.config.seed, 7u);
  EXPECT_EQ(run.steps.size(), 20u);
  EXPECT_EQ(run.steps[3].loss, 1.97);
  EXPECT_EQ(run.evaluations.size(), 2u);
  EXPECT_EQ(run.total_steps(), 20);
  EXPECT_EQ(run.steps_done(), 20);
  EXPECT_EQ(run.status(), "finished");
  EXPECT_EQ(run.commands, "drift train <here>\n");
  EXPECT_EQ(run.begins.size(), 1u);
}

TEST_F(Reports, ARunThatIsStillGoingOrWasKilledSaysSo) {
  make_run(directory_ / "dead", {.ends = false});
  EXPECT_EQ(read_run(directory_ / "dead").status(), "killed");
  const auto going = RunDirectory::create(directory_ / "going", {.config = {}, .command = ""});
  going->step({.step = 0, .epoch = 0.1, .loss = 1});
  EXPECT_EQ(read_run(directory_ / "going").status(), "running");
  EXPECT_EQ(read_run(directory_ / "going").steps_done(), 1);
}

TEST_F(Reports, SeedsOfOneSettingAreOneArm) {
  const std::vector<Arm> arms = arms_of({made("a2", {.seed = 2}), made("b1", {.algorithm = Algorithm::kPostLocal}),
                                         made("a1", {.seed = 1}), made("again", {.seed = 1})});
  ASSERT_EQ(arms.size(), 3u);
  EXPECT_EQ(arms[0].name, "algo sgd (1)");
  ASSERT_EQ(arms[0].runs.size(), 2u);
  EXPECT_EQ(arms[0].runs[0].config.seed, 1u);
  EXPECT_EQ(arms[0].runs[1].config.seed, 2u);
  EXPECT_EQ(arms[1].name, "algo post-local");
  EXPECT_EQ(arms[2].name, "algo sgd (2)") << "the same seed twice is no repetition";
  const std::vector<Difference> different = differences(arms);
  ASSERT_EQ(different.size(), 1u);
  EXPECT_EQ(different[0].option, "algo");
  EXPECT_EQ(different[0].values, (std::vector<std::string>{"sgd", "post-local", "sgd"}));
}

TEST_F(Reports, OneArmIsCalledLikeItsDirectory) {
  EXPECT_EQ(arms_of({made("mine", {})})[0].name, "mine");
}

TEST_F(Reports, ResultsAreMeansOverSeedsAndDifferencesArePaired) {
  const std::vector<ArmResult> results =
      results_of(arms_of({made("a1", {.seed = 1, .top1 = 0.5}), made("a2", {.seed = 2, .top1 = 0.7}),
                          made("b2", {.algorithm = Algorithm::kPostLocal, .seed = 2, .top1 = 0.8}),
                          made("b1", {.algorithm = Algorithm::kPostLocal, .seed = 1, .top1 = 0.58}),
                          made("b3", {.algorithm = Algorithm::kPostLocal, .seed = 3, .top1 = 0.1})}));
  ASSERT_EQ(results.size(), 2u);
  EXPECT_NEAR(results[0].accuracy.mean, 0.6, 1e-12);
  EXPECT_FALSE(results[0].difference);
  ASSERT_TRUE(results[1].difference);
  EXPECT_EQ(results[1].difference->count, 2u);  // seed 3 has no partner
  EXPECT_NEAR(results[1].difference->mean, 0.09, 1e-12);
  EXPECT_NEAR(results[1].difference->half_width, 12.7062 * 0.01, 1e-5);
  EXPECT_EQ(results[0].averages, 20);
  EXPECT_EQ(results[1].averages, 12);
  EXPECT_EQ(results[1].bytes, 1200);
  EXPECT_EQ(results[0].seconds, 20 + 2);  // the evaluation after the last step is in no step's time
  EXPECT_EQ(results[0].images_per_second, 16);
  EXPECT_NEAR(results[0].training_loss, 1.81, 1e-12);
  EXPECT_EQ(results[0].status, "finished");
}

TEST_F(Reports, TextOfAnEstimate) {
  EXPECT_EQ(percent_text({.count = 2, .mean = 0.71234, .half_width = 0.004}), "71.23 ± 0.40");
  EXPECT_EQ(percent_text({.count = 1, .mean = 0.5, .half_width = INFINITY}), "50.00");
  EXPECT_EQ(percent_text({.count = 2, .mean = 0.01, .half_width = 0.002}, /*with_sign=*/true), "+1.00 ± 0.20");
  EXPECT_EQ(percent_text({.mean = NAN}), "");
}

TEST_F(Reports, TimelinesCountFromTheFirstRecord) {
  const Timeline timeline(made("branch", {.algorithm = Algorithm::kPostLocal, .first = 5, .last = 20}));
  EXPECT_NEAR(timeline.at(5).epoch, 0.5, 1e-12);
  EXPECT_EQ(timeline.at(5).seconds, 0);
  EXPECT_EQ(timeline.at(10).seconds, 5);
  EXPECT_EQ(timeline.at(11).seconds, 8);  // with the evaluation after step 10
  EXPECT_EQ(timeline.at(10).averages, 5);
  EXPECT_EQ(timeline.at(20).averages, 5 + 2);
  EXPECT_EQ(timeline.at(20).bytes, 700);
  EXPECT_NEAR(timeline.at(20).epoch, 2, 1e-12);
}

TEST_F(Reports, FiguresHaveALinePerArmAndSayWhereSomethingChanges) {
  const std::vector<Plot> figures = figures_of(arms_of({made("a1", {.seed = 1}), made("a2", {.seed = 2, .top1 = 0.6}),
                                                        made("b1", {.algorithm = Algorithm::kPostLocal, .seed = 1})}));
  std::vector<std::string> ids;
  for (const Plot& plot : figures) {
    ids.push_back(plot.id);
    EXPECT_EQ(plot.lines.size(), 2u) << plot.id;
    EXPECT_TRUE(plot.has_points()) << plot.id;
    EXPECT_FALSE(plot.title.empty() || plot.note.empty() || plot.x_name.empty()) << plot.id;
  }
  EXPECT_EQ(ids, (std::vector<std::string>{"test-accuracy", "training-loss", "accuracy-over-time",
                                           "accuracy-over-averages", "loss-over-time", "loss-over-averages",
                                           "test-loss", "learning-rate", "period", "speed", "communication", "bytes"}));
  const Plot& accuracy = figures[0];
  ASSERT_EQ(accuracy.lines[0].points.size(), 2u);
  EXPECT_NEAR(accuracy.lines[0].points[1].y, 0.55, 1e-12);
  EXPECT_TRUE(std::isfinite(accuracy.lines[0].points[1].low));
  EXPECT_FALSE(std::isfinite(accuracy.lines[1].points[1].low)) << "one seed has no interval";
  ASSERT_EQ(accuracy.rules.size(), 2u);
  EXPECT_EQ(accuracy.rules[0].name, "learning rate 0.1 to 0.01");
  EXPECT_EQ(accuracy.rules[0].x, 1);
  EXPECT_EQ(accuracy.rules[1].name, "local steps begin");
  ASSERT_EQ(accuracy.marks.size(), 1u);  // of the arm with local steps
  EXPECT_EQ(accuracy.marks[0].colour, 1);
  EXPECT_EQ(accuracy.marks[0].x.size(), 2u);
}

TEST_F(Reports, ALongRunIsShownInPieces) {
  const RunRecords run = made("long", {.last = 1000});
  const std::vector<Sample> pieces =
      by_pieces(run, [](std::span<const StepRecord> steps) { return static_cast<double>(steps.size()); });
  EXPECT_EQ(pieces.size(), 111u);
  for (const Sample& piece : pieces) EXPECT_EQ(piece.value, 9);
  const std::vector<Sample> rates = changes_of(run, [](const StepRecord& step) { return step.lr; });
  EXPECT_LT(rates.size(), 140u);
  EXPECT_EQ(rates.front().value, 0.1);
  EXPECT_EQ(rates.back().value, 0.01);
}

TEST_F(Reports, APageNeedsNothingElse) {
  const std::string page =
      report_page(arms_of({made("a1", {}), made("b1", {.algorithm = Algorithm::kPostLocal})}), "Two <runs>", "today");
  EXPECT_TRUE(page.starts_with("<!doctype html>"));
  EXPECT_EQ(page.find("http://"), std::string::npos);
  EXPECT_EQ(page.find("https://"), std::string::npos);
  EXPECT_EQ(page.find("<here>"), std::string::npos) << "a command is no markup";
  EXPECT_NE(page.find("drift train &lt;here&gt;"), std::string::npos);
  EXPECT_NE(page.find("<h1>Two &lt;runs&gt;</h1>"), std::string::npos);
  EXPECT_NE(page.find("<h2>Settings that differ</h2>"), std::string::npos);
  EXPECT_NE(page.find("a CPU"), std::string::npos);
  EXPECT_NE(page.find("prefers-color-scheme:dark"), std::string::npos);
}

TEST_F(Reports, ARunWithoutRecordsHasAPageToo) {
  RunDirectory::create(directory_ / "empty", {.config = {}, .command = "drift train"});
  const std::string page = report_page(arms_of({read_run(directory_ / "empty")}), "empty", "today");
  EXPECT_EQ(page.find("nan"), std::string::npos);
  EXPECT_NE(page.find("killed at step 0"), std::string::npos);
}

}  // namespace
}  // namespace drift
