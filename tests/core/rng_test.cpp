#include "core/rng.h"

#include <gtest/gtest.h>

namespace drift {
namespace {

// Known answers from the Random123 distribution (Salmon et al., SC 2011), philox4x32-10.
TEST(Philox, KnownAnswers) {
  const Random4 zero = philox(0, 0, 0);
  EXPECT_EQ(zero.word[0], 0x6627e8d5u);
  EXPECT_EQ(zero.word[1], 0xe169c58du);
  EXPECT_EQ(zero.word[2], 0xbc57ac4cu);
  EXPECT_EQ(zero.word[3], 0x9b00dbd8u);
  const Random4 ones = philox(~0ull, ~0ull, ~0ull);
  EXPECT_EQ(ones.word[0], 0x408f276du);
  EXPECT_EQ(ones.word[1], 0x41c83b0eu);
  EXPECT_EQ(ones.word[2], 0xa20bc7c6u);
  EXPECT_EQ(ones.word[3], 0x6d5451fdu);
}

TEST(Rng, StreamsDiffer) {
  EXPECT_NE(stream_id(Purpose::kAugment, 1, 2), stream_id(Purpose::kAugment, 2, 1));
  EXPECT_NE(stream_id(Purpose::kAugment, 1, 2), stream_id(Purpose::kInit, 1, 2));
  EXPECT_NE(Rng(1, 7).bits(0), Rng(2, 7).bits(0));
  EXPECT_NE(Rng(1, 7).bits(0), Rng(1, 8).bits(0));
}

// n = 1e5 draws: the mean of a uniform has standard error 0.29 / sqrt(n) = 9e-4, of a normal 3.2e-3; five are allowed.
TEST(Rng, UniformAndNormalHaveTheirMoments) {
  const Rng rng(123, stream_id(Purpose::kTest));
  constexpr int kDraws = 100000;
  double sum = 0, normal_sum = 0, normal_square = 0;
  for (int i = 0; i < kDraws; ++i) {
    const float u = rng.uniform(i);
    ASSERT_GE(u, 0.0f);
    ASSERT_LT(u, 1.0f);
    sum += u;
    const float z = rng.normal(i);
    normal_sum += z;
    normal_square += z * z;
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 5 * 9.2e-4);
  EXPECT_NEAR(normal_sum / kDraws, 0.0, 5 * 3.2e-3);
  EXPECT_NEAR(normal_square / kDraws, 1.0, 5 * 4.5e-3);
}

TEST(Rng, BelowCoversItsRangeEvenly) {
  const Rng rng(5, 0);
  int counts[9] = {};
  for (int i = 0; i < 90000; ++i) ++counts[rng.below(i, 9)];
  for (const int count : counts) EXPECT_NEAR(count, 10000, 5 * 94.3);  // binomial standard deviation
}

}  // namespace
}  // namespace drift
