// OpRecorder on a clock that the test moves.
#include "kernels/observed/op_recorder.h"

#include <array>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/kernels/slow_fake.h"

namespace drift::testing {
namespace {

constexpr std::array<std::string_view, 2> kParts = {"forward", "update"};

class OpRecorderTest : public ::testing::Test {
 protected:
  HandClock clock_;
  OpRecorder recorder_{std::make_unique<SlowFake>(clock_), kParts, std::make_unique<HostMoments>(clock_)};
  float memory_[6] = {};
  const TensorView six_{.data = memory_, .shape = {6}}, four_{.data = memory_, .shape = {4}};
};

TEST_F(OpRecorderTest, KnowsPartAndLayerOfEachOperation) {
  recorder_.start();
  {
    const Span step(recorder_, "step 7");
    recorder_.fill(six_, 1);  // a step is no layer: its name would be another one each time
    const Span forward(recorder_, "forward");
    recorder_.fill(six_, 1);
    const Span layer(recorder_, "layer1.0.conv1");
    recorder_.fill(six_, 1);
    recorder_.fill(four_, 1);
    const Span update(recorder_, "update");
    recorder_.outer_update({memory_, memory_, memory_});
  }
  recorder_.fill(six_, 1);
  const OpRecorder::Recording recorded = recorder_.stop();
  ASSERT_EQ(recorded.calls.size(), 6u);
  std::vector<std::string> known;
  for (const OpRecorder::Call& call : recorded.calls) {
    const OpRecorder::Identity& op = recorder_.identities()[call.identity];
    known.push_back(fmt::format("{} {}/{} {}", op.op, op.part, op.layer, op.cost.bytes));
  }
  EXPECT_EQ(known,
            (std::vector<std::string>{"fill / 24", "fill forward/ 24", "fill forward/layer1.0.conv1 24",
                                      "fill forward/layer1.0.conv1 16", "outer_update update/ 120", "fill / 24"}));
  EXPECT_EQ(recorded.calls.front().identity, recorded.calls.back().identity);
}

// Writes down which operation is under way.
class NotingWatch final : public KernelWatch {
 public:
  explicit NotingWatch(std::vector<std::string>& notes) : notes_(notes) {}
  void operation_begins(std::size_t identity) override { notes_.push_back(fmt::format("begin {}", identity)); }
  void operation_ends() override { notes_.emplace_back("end"); }
  void start() override {}
  void stop() override {}
  std::vector<Kernel> take() override { return {}; }

 private:
  std::vector<std::string>& notes_;
};

TEST(OpRecorder, SaysWhoseKernelsAreCaptured) {
  HandClock clock;
  std::vector<std::string> notes;
  OpRecorder recorder(std::make_unique<SlowFake>(clock), kParts, std::make_unique<HostMoments>(clock),
                      std::make_unique<NotingWatch>(notes));
  float memory[4] = {};
  const TensorView four{.data = memory, .shape = {4}};
  recorder.fill(four, 1);
  recorder.start();
  recorder.fill(four, 1);
  const OpRecorder::Recording captured = recorder.captured([&] {
    recorder.copy(four, four);
    recorder.fill(four, 1);
  });
  recorder.replayed(captured);
  EXPECT_EQ(recorder.stop().calls.size(), 3u);
  EXPECT_EQ(notes, (std::vector<std::string>{"begin 1", "end", "begin 0", "end"}));
}

TEST_F(OpRecorderTest, TimesOperationsAndParts) {
  clock_.now = 10;
  recorder_.start();
  {
    const Span forward(recorder_, "forward");
    recorder_.fill(six_, 1);
    clock_.now += 1;
    recorder_.copy(four_, four_);
  }
  clock_.now += 1;
  const OpRecorder::Recording recorded = recorder_.stop();
  const auto times = recorder_.moments().take();
  const auto milliseconds = [&](OpRecorder::Mark mark) { return times[mark] / 1'000'000; };
  EXPECT_EQ(milliseconds(recorded.begin), 10'000);
  ASSERT_EQ(recorded.calls.size(), 2u);
  EXPECT_EQ(milliseconds(recorded.calls[0].begin), 10'000);
  EXPECT_EQ(milliseconds(recorded.calls[0].end), 10'250);
  EXPECT_EQ(milliseconds(recorded.calls[1].begin), 11'250);
  EXPECT_EQ(milliseconds(recorded.calls[1].end), 13'250);
  ASSERT_EQ(recorded.parts.size(), 1u);
  EXPECT_EQ(recorded.parts[0].name, "forward");
  EXPECT_EQ(milliseconds(recorded.parts[0].begin), 10'000);
  EXPECT_EQ(milliseconds(recorded.parts[0].end), 13'250);
  EXPECT_EQ(milliseconds(recorded.end), 14'250);
}

TEST_F(OpRecorderTest, RecordsNothingUnlessToldToAndKeepsIdentities) {
  {
    const Span forward(recorder_, "forward");
    recorder_.fill(six_, 1);
    EXPECT_FALSE(recorder_.records());
    recorder_.start();
    EXPECT_TRUE(recorder_.records());
  }  // a span that began before
  recorder_.fill(six_, 1);
  const OpRecorder::Recording first = recorder_.stop();
  recorder_.fill(four_, 1);
  EXPECT_EQ(first.calls.size(), 1u);
  EXPECT_TRUE(first.parts.empty());
  recorder_.start();
  recorder_.fill(six_, 1);
  const OpRecorder::Recording second = recorder_.stop();
  ASSERT_EQ(second.calls.size(), 1u);
  EXPECT_EQ(second.calls.front().identity, 0u);
  EXPECT_EQ(recorder_.identities().size(), 1u);
  EXPECT_EQ(clock_.now, 4 * 0.25) << "all of it ran";
  EXPECT_EQ(recorder_.moments().due(), 2);
  EXPECT_EQ(recorder_.moments().take().size(), 4u) << "begin, a fill, end";
}

TEST_F(OpRecorderTest, WhatIsCapturedBelongsToEachStepThatReplaysIt) {
  recorder_.start();
  const OpRecorder::Recording captured = recorder_.captured([&] {
    const Span forward(recorder_, "forward");
    const Span layer(recorder_, "layer1.0.conv1");
    recorder_.fill(six_, 1);
    recorder_.copy(four_, four_);
  });
  ASSERT_EQ(captured.calls.size(), 2u);
  EXPECT_EQ(captured.calls[0].begin, captured.parts.at(0).begin) << "one mark for both";
  EXPECT_EQ(captured.calls[1].begin, captured.calls[0].end);
  recorder_.fill(four_, 1);
  const OpRecorder::Recording first = recorder_.stop();
  EXPECT_EQ(first.calls.size(), 1u) << "it was not replayed";
  EXPECT_TRUE(first.captured);
  recorder_.replayed(captured);
  recorder_.start();
  recorder_.replayed(captured);
  recorder_.fill(four_, 1);
  const OpRecorder::Recording second = recorder_.stop();
  ASSERT_EQ(second.calls.size(), 3u);
  EXPECT_EQ(recorder_.identities()[second.calls[1].identity].layer, "layer1.0.conv1");
  EXPECT_EQ(second.calls[2].identity, first.calls[0].identity);
  EXPECT_EQ(second.parts.size(), 1u);
  EXPECT_FALSE(second.captured);
}

}  // namespace
}  // namespace drift::testing
