// StepProfiler on a clock that the test moves.
#include "train/step_profiler.h"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <span>

#include "tests/support/fake_backend.h"
#include "tests/support/hand_clock.h"
#include "tests/support/temp_directory.h"
#include "train/step/step_parts.h"

namespace drift::testing {
namespace {

// Of a device that is behind the host by one recording; each mark takes 0.1 ms.
class DeviceMarks final : public Moments {
 public:
  explicit DeviceMarks(HandClock& clock) : clock_(clock) {}
  Mark mark() override {
    const Mark mark = host_.mark();
    clock_.now += 1e-4;
    return mark;
  }
  void send_home() override { host_.send_home(); }
  std::int64_t due() const override { return std::max<std::int64_t>(0, host_.due() - 1); }
  std::vector<std::int64_t> take() override { return host_.take(); }
  bool on_device() const override { return true; }
  std::int64_t nanoseconds_per_mark() const override { return 100'000; }

 private:
  HandClock& clock_;
  HostMoments host_{clock_};
};

class StepProfilerTest : public ::testing::Test {
 protected:
  // Everything takes a millisecond.
  class Steady final : public FakeBackend {
   public:
    explicit Steady(HandClock& clock) : clock_(clock) {}
    void run(const Op&) override { clock_.now += 1e-3; }

   private:
    HandClock& clock_;
  };

  void average_gradients() {
    const Span span(recorder_, "average gradients");
    profiler_.add({.stage = CommStage::kOffer, .begin = clock_.now});
    clock_.now += 1;
    profiler_.add({.stage = CommStage::kOffer, .begin = clock_.now});
    const double begin = clock_.now += 1;
    const std::vector<MeanTimes> means = {{begin - 1.5, begin - 1}, {begin - 0.5, begin + 2}};
    profiler_.add({.stage = CommStage::kWait, .begin = begin, .seconds = 2, .means = means});
    clock_.now += 2;
    profiler_.add({.stage = CommStage::kCount, .elements = 6, .bytes = 24});
  }

  void step(Step number) {
    profiler_.step_begins(number);
    {
      const Span span(recorder_, "forward");
      const Span layer(recorder_, "conv1");
      recorder_.fill(values(), 0);
    }
    recorder_.sgd_update({});
    if (schedule_.plan.at(number) == Sync::kGradients) average_gradients();
  }

  TensorView values() { return {.data = memory_, .shape = {3}}; }

  const TempDirectory directory_;
  float memory_[3] = {};
  HandClock clock_;
  // g g g | . . p | . . p
  const Schedule schedule_{.total_steps = 9,
                           .steps_per_epoch = 9,
                           .plan = SyncPlan(3, {{.first = 3, .period = 3, .count = 2}}),
                           .lr = make_schedule({}, 1).lr};
  OpRecorder recorder_{std::make_unique<Steady>(clock_), kStepParts, std::make_unique<HostMoments>(clock_)};
  ProfileFile file_{directory_ / "profile", {}};
  StepProfiler profiler_{7, recorder_, schedule_, /*every=*/2, file_, clock_};
};

TEST_F(StepProfilerTest, RecordsWholeRoundsApartAndTheFirstStepOfEachKind) {
  clock_.now = 100;
  for (Step number = 0; number < 5; ++number) step(number);
  profiler_.finish();
  clock_.now += 50;  // an evaluation
  for (Step number = 5; number < 9; ++number) step(number);
  profiler_.finish();
  const std::vector<RecordedSession> read = read_profile_file(directory_ / "profile");
  std::string text;
  for (const ProfiledStep& recorded : read.at(0).steps) {
    EXPECT_EQ(recorded.worker, 7);
    EXPECT_EQ(recorded.period, recorded.sync == Sync::kGradients ? 1 : 3);
    text += fmt::format("{}{}{} ", recorded.step, name_of(recorded.sync).substr(0, 1), recorded.first ? "!" : "");
  }
  EXPECT_EQ(text, "0g! 2g 3n! 4n 5p! ");
  const ProfileCost cost = file_.cost();
  EXPECT_EQ(cost.steps, 9);
  EXPECT_EQ(cost.recorded, 5);
  EXPECT_NEAR(cost.step_seconds, 9 * 2e-3 + 3 * 4, 1e-9) << "the evaluation is in no step";
  EXPECT_GT(cost.recording_seconds, 0);
}

TEST_F(StepProfilerTest, AStepHasItsOperationsPartsAndWaits) {
  clock_.now = 100;
  step(0);
  profiler_.finish();
  const RecordedSession read = read_profile_file(directory_ / "profile").at(0);
  ASSERT_EQ(read.ops.size(), 2u);
  EXPECT_EQ(read.ops[0].op, "fill");
  EXPECT_EQ(read.ops[0].part, "forward");
  EXPECT_EQ(read.ops[0].layer, "conv1");
  EXPECT_EQ(read.ops[0].bytes, 12);
  EXPECT_EQ(read.ops[1].part, "update") << "wherever it runs";
  const ProfiledStep& step = read.steps.at(0);
  EXPECT_EQ(step.begin, 100'000'000'000);
  EXPECT_EQ(step.duration, 4'002'000'000);
  ASSERT_EQ(step.calls.size(), 2u);
  EXPECT_EQ(step.calls[1].time.begin, 1'000'000);
  EXPECT_EQ(step.calls[1].time.length(), 1'000'000);
  ASSERT_EQ(step.parts.size(), 2u);
  EXPECT_EQ(step.parts[1].name, "average gradients");
  EXPECT_EQ(step.parts[1].time.length(), 4'000'000'000);
  ASSERT_EQ(step.waits.size(), 1u);
  EXPECT_EQ(step.waits[0].ready, 1'002'000'000) << "with the last offer";
  EXPECT_EQ(step.waits[0].time.begin, 2'002'000'000);
  EXPECT_EQ(step.waits[0].time.end, 4'002'000'000);
  EXPECT_EQ(step.waits[0].bytes, 24);
  ASSERT_EQ(step.waits[0].means.size(), 2u);
  EXPECT_EQ(step.waits[0].means[0].begin, 502'000'000);
}

// The marks are not in what they time, and a wait is where its part of the step is.
TEST_F(StepProfilerTest, OnADeviceMarksTakeNoTimeAndPartsAreWaits) {
  OpRecorder recorder{std::make_unique<Steady>(clock_), kStepParts, std::make_unique<DeviceMarks>(clock_)};
  StepProfiler profiler{0, recorder, schedule_, 1, file_, clock_};
  clock_.now = 100;
  for (const Step number : {0, 1}) {
    profiler.step_begins(number);
    {
      const Span span(recorder, "forward");
      const Span layer(recorder, "conv1");
      recorder.fill(values(), 0);
    }
    clock_.now += 2e-3;  // nobody enqueued anything
    const Span span(recorder, "average gradients");
    profiler.add({.stage = CommStage::kWhole, .elements = 6, .bytes = 24, .begin = 50, .seconds = 1});
    profiler.add({.stage = CommStage::kCount, .elements = 1, .bytes = 4});
    clock_.now += 4e-3;
    recorder.sgd_update({});
  }
  EXPECT_TRUE(read_profile_file(directory_ / "profile").at(0).steps.empty()) << "the device is not there yet";
  profiler.finish();
  const std::vector<ProfiledStep> steps = read_profile_file(directory_ / "profile").at(0).steps;
  ASSERT_EQ(steps.size(), 2u);
  for (const ProfiledStep& step : steps) {
    EXPECT_EQ(step.duration, 8'000'000);
    ASSERT_EQ(step.calls.size(), 2u);
    EXPECT_EQ(step.calls[0].time.begin, 0);
    EXPECT_EQ(step.calls[0].time.end, 1'000'000);
    EXPECT_EQ(step.calls[1].time.begin, 7'000'000);
    EXPECT_EQ(step.calls[1].time.end, 8'000'000);
    ASSERT_EQ(step.waits.size(), 1u);
    EXPECT_EQ(step.waits[0].ready, 3'000'000);
    EXPECT_EQ(step.waits[0].time.begin, 3'000'000);
    EXPECT_EQ(step.waits[0].time.end, 8'000'000);
    EXPECT_EQ(step.waits[0].elements, 7);
    EXPECT_EQ(step.waits[0].bytes, 28);
  }
  EXPECT_GE(file_.cost().recording_seconds, 2 * 10 * 1e-4) << "marks of the step, of two parts and two operations";
}

class NotingWatch final : public KernelWatch {
 public:
  explicit NotingWatch(std::vector<std::string>& notes) : notes_(notes) {}
  void operation_begins(std::size_t) override {}
  void operation_ends() override {}
  void start() override { notes_.emplace_back("start"); }
  void stop() override { notes_.emplace_back("stop"); }
  std::vector<Kernel> take() override { return {}; }

 private:
  std::vector<std::string>& notes_;
};

// The device is behind, so what is recorded has not come home when the next step begins.
TEST_F(StepProfilerTest, KernelsAreWatchedInStepsThatAreRecordedAlone) {
  std::vector<std::string> notes;
  OpRecorder recorder{std::make_unique<Steady>(clock_), kStepParts, std::make_unique<DeviceMarks>(clock_),
                      std::make_unique<NotingWatch>(notes)};
  StepProfiler profiler{0, recorder, schedule_, 2, file_, clock_};
  for (const Step number : {0, 1, 2}) {
    profiler.step_begins(number);
    notes.push_back(fmt::format("step {}", number));
  }
  profiler.finish();
  EXPECT_EQ(notes, (std::vector<std::string>{"start", "step 0", "stop", "step 1", "start", "step 2", "stop"}));
}

}  // namespace
}  // namespace drift::testing
