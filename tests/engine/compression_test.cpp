// What travels as bfloat16 over many steps: with feedback nothing is lost for good.
#include "engine/optim/compression.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <vector>

#include "core/rng.h"
#include "tests/engine/environment.h"
#include "tests/support/seed.h"

namespace drift {
namespace {

using testing::Environment;

class CompressionTest : public ::testing::Test {
 protected:
  CompressionTest() { set_.allocate(environment_.backend()); }

  ArenaRange all() const { return {0, std::ssize(set_.values())}; }
  std::vector<float> drawn(std::uint64_t step) const {
    const Rng rng(testing::seed(), stream_id(Purpose::kTest, 5, step));
    std::vector<float> values(set_.values().size());
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = 1 + 0.1f * rng.normal(i);
    return values;
  }
  void upload(const std::vector<float>& values, std::span<float> arena) {
    environment_.backend().upload(values.data(), as_tensor(arena));
  }
  // The largest difference between what was to be sent in so many steps and what was sent.
  double lost_in(int steps, Compression& compression) {
    std::vector<double> lost(set_.values().size());
    for (int step = 0; step < steps; ++step) {
      const std::vector<float> gradients = drawn(static_cast<std::uint64_t>(step));
      upload(gradients, set_.gradients());
      compression.gradients(set_, all(), environment_.backend());
      const std::vector<float> sent = downloaded(set_.gradients(), environment_.backend());
      for (std::size_t i = 0; i < lost.size(); ++i) {
        EXPECT_EQ(sent[i], to_float(from_float<BFloat16>(sent[i])));
        lost[i] += double{gradients[i]} - double{sent[i]};
      }
    }
    double most = 0;
    for (const double one : lost) most = std::max(most, std::abs(one));
    return most;
  }

  Environment environment_;
  ParameterSet set_;
  const Parameter& weight_ = set_.add_parameter("weight", {30, 10}, ParameterRole::kLinearWeight, {});
};

// A rounding of about 1 leaves out at most 2^-8, and adding what was left out before rounds to 2^-23.
TEST_F(CompressionTest, WithFeedbackNoMoreIsLostThanOneRoundingLeavesOut) {
  constexpr int kSteps = 400;
  Compression with(set_, /*feedback=*/true, environment_.backend());
  EXPECT_LT(lost_in(kSteps, with), 0x1p-7 + kSteps * 0x1p-23);
  const std::vector<float> left = downloaded(with.error(), environment_.backend());
  EXPECT_NE(left, std::vector<float>(left.size(), 0.0f));
  with.forget(environment_.backend());
  EXPECT_EQ(downloaded(with.error(), environment_.backend()), std::vector<float>(left.size(), 0.0f));
}

TEST_F(CompressionTest, WithoutFeedbackRoundingsAddUp) {
  const std::vector<float> values(set_.values().size(), 2 + (1 + 0x1p-10f));  // of the way 1 is sent, each time
  Compression without(set_, /*feedback=*/false, environment_.backend());
  EXPECT_TRUE(without.error().empty());
  const std::vector<float> start(set_.values().size(), 2);
  upload(start, set_.momentum());
  double lost = 0;
  for (int step = 0; step < 100; ++step) {
    upload(values, set_.values());
    without.parameters(set_, all(), set_.momentum(), environment_.backend());
    without.add_start(set_, all(), set_.momentum(), environment_.backend());
    lost += double{values[0]} - double{downloaded(set_.values(), environment_.backend())[0]};
  }
  EXPECT_EQ(lost, 100 * 0x1p-10);
}

}  // namespace
}  // namespace drift
