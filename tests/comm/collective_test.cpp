#include "comm/collective.h"

#include <gtest/gtest.h>

namespace drift {
namespace {

static_assert(bytes_on_wire(Collective::kAllReduceMean, 853018, 32) ==
              6610889);  // 2 * 31 * 853018 * 4 / 32 = 6610889.5
static_assert(bytes_on_wire(Collective::kBroadcast, 853018, 32) == 3305444);
static_assert(bytes_on_wire(Collective::kBarrier, 853018, 32) == 0);

TEST(BytesOnWire, OneRankSendsNothing) {
  EXPECT_EQ(bytes_on_wire(Collective::kAllReduceMean, 1000, 1), 0);
  EXPECT_EQ(bytes_on_wire(Collective::kBroadcast, 1000, 1), 0);
}

TEST(BytesOnWire, RoundsDownOncePerCall) {
  EXPECT_EQ(bytes_on_wire(Collective::kAllReduceMean, 1, 3), 5);   // 16 / 3
  EXPECT_EQ(bytes_on_wire(Collective::kBroadcast, 1, 3), 2);       // 8 / 3
  EXPECT_EQ(bytes_on_wire(Collective::kAllReduceMean, 2, 5), 12);  // 64 / 5
}

// 2^40 floats on 1024 workers: the exact value, beyond 2^32 and beyond what a double times (K-1)/K would be sure to
// give.
TEST(BytesOnWire, IsExactForHugeSpans) {
  constexpr std::int64_t kElements = std::int64_t{1} << 40;
  EXPECT_EQ(bytes_on_wire(Collective::kAllReduceMean, kElements, 1024), (std::int64_t{1} << 33) * 1023);
}

}  // namespace
}  // namespace drift
