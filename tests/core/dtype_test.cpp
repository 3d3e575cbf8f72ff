#include "core/dtype.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

namespace drift {
namespace {

TEST(BFloat16, RoundsToNearestEven) {
  EXPECT_EQ(from_float<BFloat16>(1.0f).bits, 0x3f80);
  EXPECT_EQ(from_float<BFloat16>(1.0f + 0x1p-8f).bits, 0x3f80);             // halfway, to even
  EXPECT_EQ(from_float<BFloat16>(1.0f + 0x1p-7f + 0x1p-8f).bits, 0x3f82);   // halfway, to even
  EXPECT_EQ(from_float<BFloat16>(1.0f + 0x1p-8f + 0x1p-20f).bits, 0x3f81);  // above halfway
}

TEST(BFloat16, EveryValueSurvivesARoundTrip) {
  for (std::uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const BFloat16 value{static_cast<std::uint16_t>(bits)};
    if (std::isnan(to_float(value))) {
      EXPECT_TRUE(std::isnan(to_float(from_float<BFloat16>(to_float(value)))));
    } else {
      EXPECT_EQ(from_float<BFloat16>(to_float(value)).bits, bits);
    }
  }
}

TEST(BFloat16, NanNeverBecomesInfinity) {
  std::uint32_t bits = 0x7f800001u;  // the smallest NaN payload, all in the half that is cut off
  float nan;
  std::memcpy(&nan, &bits, sizeof nan);
  EXPECT_TRUE(std::isnan(to_float(from_float<BFloat16>(nan))));
  EXPECT_TRUE(std::isinf(to_float(from_float<BFloat16>(std::numeric_limits<float>::max()))));
}

}  // namespace
}  // namespace drift
