// What is NaN or infinite in a replica is counted where it is, and an answer is taken once.
#include "train/step/finite_check.h"

#include <gtest/gtest.h>
#include <limits>

#include "core/check.h"
#include "tests/train/tiny_model.h"

namespace drift {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(FiniteCheck, CountsByArena) {
  testing::TinyModel model;
  EXPECT_TRUE(count_non_finite(model.set, *model.backend).none());
  model.set.values()[0] = kNan;
  model.set.values().back() = -kInfinity;
  model.set.momentum()[1] = kInfinity;
  for (float& value : model.set.buffers()) value = kNan;
  const NonFiniteCounts counts = count_non_finite(model.set, *model.backend);
  EXPECT_EQ(counts.parameters, 2);
  EXPECT_EQ(counts.momentum, 1);
  EXPECT_EQ(counts.statistics, std::ssize(model.set.buffers()));
  EXPECT_EQ(to_string(NonFiniteCounts{.parameters = 2, .statistics = 3}),
            "2 of the parameters, 3 of the batch-norm statistics");
}

TEST(FiniteCheck, LargestNumbersAreFinite) {
  testing::TinyModel model;
  for (float& value : model.set.values()) value = std::numeric_limits<float>::max();
  for (float& value : model.set.buffers()) value = std::numeric_limits<float>::denorm_min();
  EXPECT_TRUE(count_non_finite(model.set, *model.backend).none());
}

TEST(FiniteCheck, AnAnswerIsOfTheMomentItWasAskedForAndTakenOnce) {
  testing::TinyModel model;
  FiniteCheck check(Device{});
  EXPECT_FALSE(check.waiting());
  check.enqueue(model.set, *model.backend);
  model.set.values()[0] = kNan;
  EXPECT_TRUE(check.waiting());
  EXPECT_THROW(check.enqueue(model.set, *model.backend), Error);
  EXPECT_TRUE(check.take().none());
  EXPECT_THROW(check.take(), Error);
}

TEST(FiniteCheck, AnEvaluatedCopyHasNoMomentum) {
  const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
  const std::unique_ptr<Backend> backend = make_backend(*stream);
  ParameterSet set;
  set.add_parameter("fc.weight", {2, 3}, ParameterRole::kLinearWeight, {});
  set.allocate(*backend, /*with_training_state=*/false);
  set.values()[5] = kNan;
  EXPECT_EQ(count_non_finite(set, *backend).parameters, 1);
}

}  // namespace
}  // namespace drift
