// Progress lines: their rhythm, what they say, that nothing but a terminal sees control characters, and that on a
// terminal of any width nothing of a line that was rewritten stays.
#include "train/runs/progress.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <numeric>
#include <sstream>
#include <vector>

#include "tests/support/hand_clock.h"

namespace drift {
namespace {

using testing::HandClock;

StepRecord record_of(Step step, double loss = 1) {
  StepRecord record;
  record.step = step;
  record.epoch = static_cast<double>(step + 1) / 10;
  record.loss = loss;
  record.lr = 0.32;
  record.seconds = 0.5;
  record.sync = Sync::kGradients;
  return record;
}

std::int64_t lines_in(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n');
}

// The rows of a terminal that a text was written to. A row that is full wraps at once: some terminals wait for the next
// character, which no line may count on.
class Screen {
 public:
  explicit Screen(int columns) : columns_(static_cast<std::size_t>(columns)) {}

  void write(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\033') {
        const std::size_t end = text.find_first_of("Km", i);
        if (text[end] == 'K') rows_.back().resize(at_);
        i = end;
      } else if (text[i] == '\n') {
        new_row();
      } else if (text[i] == '\r') {
        at_ = 0;
      } else {
        put(text[i]);
      }
    }
  }
  const std::vector<std::string>& rows() const { return rows_; }  // the last one is where the cursor is

 private:
  void put(char c) {
    if (rows_.back().size() <= at_) rows_.back().resize(at_ + 1, ' ');
    rows_.back()[at_++] = c;
    if (at_ == columns_) new_row();
  }
  void new_row() {
    rows_.emplace_back();
    at_ = 0;
  }

  std::size_t columns_, at_ = 0;
  std::vector<std::string> rows_ = std::vector<std::string>(1);
};

// Every number as long as it may become: a step of a run of months in local rounds.
constexpr Step kLongRun = 87'654'321;
StepRecord long_record(Step step) {
  StepRecord record = record_of(step, 123.4567);
  record.epoch = 8765.43;
  record.lr = 1.234e-05;
  record.seconds = 0.00321;
  record.sync = Sync::kNone;
  record.period = 12345;
  record.round = 6789;
  return record;
}

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields;
  for (std::size_t begin = 0; begin < line.size();) {
    const std::size_t end = std::min(line.find("  ", begin), line.size());
    fields.push_back(line.substr(begin, end - begin));
    begin = end + 2;
  }
  return fields;
}

// What step() leaves in the row of the cursor.
std::string drawn_line(const StepRecord& record, Step total_steps, int columns) {
  HandClock clock;
  std::ostringstream out;
  ProgressOptions options{.first_step = record.step, .total_steps = total_steps, .global_batch = 4096};
  if (columns > 0) options.columns = [columns] { return columns; };
  Progress progress(options, out, clock);
  clock.now += 0.00321;
  progress.step(record);
  std::string line = out.str();
  if (line.ends_with('\n')) line.pop_back();
  return line;
}

TEST(Progress, PlainLinesSayWhatMatters) {
  HandClock clock;
  std::ostringstream out;
  Progress progress({.total_steps = 10, .global_batch = 64}, out, clock);
  clock.now += 2;
  progress.step(record_of(0, 2.5));
  EXPECT_EQ(out.str(), "epoch 0.10  step 1/10  loss 2.5000  lr 0.32  128 img/s  synchronous  18 s left\n");
}

TEST(Progress, LocalStepsShowRoundsAndAverages) {
  HandClock clock;
  std::ostringstream out;
  Progress progress({.total_steps = 10}, out, clock);
  StepRecord record = record_of(0);
  record.sync = Sync::kNone;
  record.period = 600;
  record.round = 2;
  progress.step(record);
  EXPECT_NE(out.str().find("local, H 600, 2 averages"), std::string::npos) << out.str();
  record.step = 1;
  record.sync = Sync::kParameters;
  progress.step(record);
  EXPECT_NE(out.str().find("local, H 600, 3 averages"), std::string::npos) << out.str();
}

TEST(Progress, PlainLinesStayFewForAnyLengthAndEndWithTheLastStep) {
  for (const Step total : {1, 7, 50, 51, 999, 5000, 12345}) {
    HandClock clock;
    std::ostringstream out;
    Progress progress({.total_steps = total}, out, clock);
    for (Step step = 0; step < total; ++step) progress.step(record_of(step));
    EXPECT_GE(lines_in(out.str()), std::min<Step>(total, 20)) << total;
    EXPECT_LE(lines_in(out.str()), 52) << total;
    EXPECT_NE(out.str().find("step " + std::to_string(total) + "/"), std::string::npos) << total;
    EXPECT_EQ(out.str().find('\033'), std::string::npos);
    EXPECT_EQ(out.str().find('\r'), std::string::npos);
  }
}

TEST(Progress, LossAndSpeedAreMeansOverTheLatestSteps) {
  HandClock clock;
  std::ostringstream out;
  Progress progress({.total_steps = 2, .global_batch = 10}, out, clock);
  progress.step(record_of(0, 3));
  StepRecord slow = record_of(1, 1);
  slow.seconds = 1.5;
  progress.step(slow);
  EXPECT_NE(out.str().find("loss 2.0000  lr 0.32  10 img/s"), std::string::npos) << out.str();
}

TEST(Progress, TheTimeLeftCountsFromWhereThisSessionBegan) {
  HandClock clock;
  std::ostringstream out;
  Progress progress({.first_step = 50, .total_steps = 100}, out, clock);
  clock.now += 10;
  progress.step(record_of(50));
  EXPECT_NE(out.str().find("8 min 10 s left"), std::string::npos) << out.str();  // 10 s a step, 49 to go
}

TEST(Progress, ATerminalLineIsRewrittenButNotAtEveryStep) {
  HandClock clock;
  std::ostringstream out;
  {
    Progress progress({.total_steps = 1000, .columns = [] { return 120; }}, out, clock);
    for (Step step = 0; step < 100; ++step) {
      progress.step(record_of(step));
      clock.now += 0.03;  // 3 s in all, redrawn every 0.1 s
    }
    const std::string text = out.str();
    const auto redraws = std::count(text.begin(), text.end(), '\r');
    EXPECT_GE(redraws, 20);
    EXPECT_LE(redraws, 30);
    EXPECT_EQ(lines_in(text), 0);
    EvalRecord evaluation;
    evaluation.top1 = 0.8312;
    evaluation.correct = 8312;
    evaluation.total = 10000;
    progress.evaluation(evaluation);
    EXPECT_EQ(lines_in(out.str()), 1);
    EXPECT_NE(out.str().find("\r\033[Kepoch 0.00  step 0  test top1 0.8312 (8312/10000)"), std::string::npos);
  }
  EXPECT_TRUE(out.str().ends_with("\n"));  // nothing is left half drawn
}

TEST(Progress, NoWidthOfATerminalKeepsARowOfALineThatWasRewritten) {
  for (int columns = 20; columns <= 300; ++columns) {
    HandClock clock;
    std::ostringstream out;
    Screen screen(columns);
    const std::string evaluation =
        "epoch 0.00  step 0  test top1 0.0000 (0/0)  test top5 0.0000  test loss 0.0000  (0.0 s)";
    {
      Progress progress({.total_steps = kLongRun, .columns = [columns] { return columns; }}, out, clock);
      const auto draw = [&](Step begin) {
        for (Step step = begin; step < begin + 10; ++step) {
          clock.now += 1;
          progress.step(long_record(step));
        }
      };
      draw(12'345'678);
      progress.evaluation({});
      draw(12'345'688);
      progress.message("checkpoint");
      draw(12'345'698);
    }
    screen.write(out.str());
    std::string shown = std::accumulate(screen.rows().begin(), screen.rows().end(), std::string());
    EXPECT_EQ(shown, evaluation + "checkpoint") << columns << " columns";
  }
}

TEST(Progress, ANarrowLineHasWholeFieldsAndTheStepLongest) {
  for (const auto& [record, total] : {std::pair{record_of(739), Step{936}}, {long_record(12'345'678), kLongRun}}) {
    const std::string full = drawn_line(record, total, 0);
    const std::vector<std::string> all = fields_of(full);
    ASSERT_EQ(all.size(), 7u) << full;
    std::size_t before = 0;
    for (int columns = 20; columns <= 300; ++columns) {
      const std::string line = drawn_line(record, total, columns);
      EXPECT_LT(line.size(), static_cast<std::size_t>(columns)) << line;
      EXPECT_GE(line.size(), before) << line;
      before = line.size();
      const auto width = static_cast<std::size_t>(columns);
      for (const std::string& field : fields_of(line)) EXPECT_EQ(std::ranges::count(all, field), 1) << line;
      EXPECT_EQ(line == full, width > full.size()) << columns << " columns";
      EXPECT_EQ(line.find(all[1]) != std::string::npos, width > all[1].size()) << line;
    }
  }
  const StepRecord record = record_of(739);
  EXPECT_EQ(drawn_line(record, 936, 20), "step 740/936");
  EXPECT_EQ(drawn_line(record, 936, 30), "step 740/936  loss 1.0000");
  EXPECT_EQ(drawn_line(record, 936, 60), "epoch 74.00  step 740/936  loss 1.0000  lr 0.32  1 s left");
  EXPECT_EQ(drawn_line(record, 936, 5), "step");  // not even one field
}

TEST(Progress, TheWidthIsAskedAnewAtEachDraw) {
  HandClock clock;
  std::ostringstream out;
  int columns = 300;
  Progress progress({.total_steps = 1000, .columns = [&] { return columns; }}, out, clock);
  progress.step(record_of(0));
  const std::string wide = out.str();
  clock.now += 1;
  columns = 20;
  progress.step(record_of(1));
  EXPECT_EQ(out.str(), wide + "\r\033[Kstep 2/1000");
}

TEST(Progress, AnEvaluationNamesBothSetsWhereImagesAreHeldOut) {
  HandClock clock;
  std::ostringstream out;
  Progress progress({.total_steps = 10}, out, clock);
  EvalRecord record{.step = 5,
                    .epoch = 0.5,
                    .loss = 1.25,
                    .top1 = 0.5,
                    .top5 = 0.75,
                    .correct = 10,
                    .correct_top5 = 15,
                    .total = 20,
                    .seconds = 2};
  progress.evaluation(record);
  record.validation = {.loss = 1.5, .top1 = 0.25, .top5 = 1, .correct = 1, .correct_top5 = 4, .total = 4};
  progress.evaluation(record);
  EXPECT_EQ(out.str(),
            "epoch 0.50  step 5  test top1 0.5000 (10/20)  test top5 0.7500  test loss 1.2500  (2.0 s)\n"
            "epoch 0.50  step 5  test top1 0.5000 (10/20)  test top5 0.7500  test loss 1.2500  val top1 0.2500 (1/4)  "
            "val top5 1.0000  val loss 1.5000  (2.0 s)\n");
}

TEST(Progress, ColourOnlyWhereAskedFor) {
  for (const bool color : {false, true}) {
    HandClock clock;
    std::ostringstream out;
    Progress progress({.total_steps = 1, .color = color}, out, clock);
    progress.evaluation({});
    EXPECT_EQ(out.str().find("\033[1m") != std::string::npos, color);
  }
}

TEST(Progress, MessagesStandOnTheirOwnLine) {
  HandClock clock;
  std::ostringstream out;
  Progress progress({.total_steps = 1000, .columns = [] { return 120; }}, out, clock);
  progress.step(record_of(0));
  progress.message("checkpoint runs/x/ckpt/step-1");
  EXPECT_TRUE(out.str().ends_with("\r\033[Kcheckpoint runs/x/ckpt/step-1\n")) << out.str();
}

TEST(Progress, DurationsReadWell) {
  EXPECT_EQ(duration_text(0.4), "0 s");
  EXPECT_EQ(duration_text(59.4), "59 s");
  EXPECT_EQ(duration_text(125), "2 min 05 s");
  EXPECT_EQ(duration_text(3600 * 3 + 7 * 60 + 59), "3 h 07 min");
}

}  // namespace
}  // namespace drift
