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
  OpRecorder recorder_{std::make_unique<SlowFake>(clock_), kParts, clock_};
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
  ASSERT_EQ(recorder_.calls().size(), 6u);
  std::vector<std::string> known;
  for (const OpRecorder::Call& call : recorder_.calls()) {
    const OpRecorder::Identity& op = recorder_.identities()[call.identity];
    known.push_back(fmt::format("{} {}/{} {}", op.op, op.part, op.layer, op.cost.bytes));
  }
  EXPECT_EQ(known,
            (std::vector<std::string>{"fill / 24", "fill forward/ 24", "fill forward/layer1.0.conv1 24",
                                      "fill forward/layer1.0.conv1 16", "outer_update update/ 120", "fill / 24"}));
  EXPECT_EQ(recorder_.calls().front().identity, recorder_.calls().back().identity);
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
  ASSERT_EQ(recorder_.calls().size(), 2u);
  EXPECT_EQ(recorder_.calls()[0].begin, 10);
  EXPECT_EQ(recorder_.calls()[0].end, 10.25);
  EXPECT_EQ(recorder_.calls()[1].begin, 11.25);
  EXPECT_EQ(recorder_.calls()[1].end, 13.25);
  ASSERT_EQ(recorder_.parts().size(), 1u);
  EXPECT_EQ(recorder_.parts()[0].name, "forward");
  EXPECT_EQ(recorder_.parts()[0].begin, 10);
  EXPECT_EQ(recorder_.parts()[0].end, 13.25);
}

TEST_F(OpRecorderTest, RecordsNothingUnlessToldToAndKeepsIdentities) {
  {
    const Span forward(recorder_, "forward");
    recorder_.fill(six_, 1);
    EXPECT_TRUE(recorder_.calls().empty());
    recorder_.start();
  }  // a span that began before
  recorder_.fill(six_, 1);
  recorder_.stop();
  recorder_.fill(four_, 1);
  EXPECT_EQ(recorder_.calls().size(), 1u);
  EXPECT_TRUE(recorder_.parts().empty());
  recorder_.start();
  EXPECT_TRUE(recorder_.calls().empty());
  recorder_.fill(six_, 1);
  EXPECT_EQ(recorder_.calls().front().identity, 0u);
  EXPECT_EQ(recorder_.identities().size(), 1u);
  EXPECT_EQ(clock_.now, 4 * 0.25) << "all of it ran";
}

}  // namespace
}  // namespace drift::testing
