// Stamps: the CPU's time, when it comes to them.
#include <array>
#include <chrono>
#include <gtest/gtest.h>
#include <memory>

#include "kernels/backend.h"

namespace drift {
namespace {

std::int64_t now() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

TEST(Stamps, AreTheTimeInAllElementsOfTheView) {
  const std::unique_ptr<Stream> stream = make_stream(Device{}, 2);
  const std::unique_ptr<Backend> backend = make_backend(*stream);
  std::array<std::int64_t, 5> stamps = {-1, -2, -3, -4, -5};
  const std::int64_t before = now();
  backend->stamp({&stamps[1], {3}, DType::kInt64});
  backend->stamp({&stamps[3], {1}, DType::kInt64});
  const std::int64_t after = now();
  EXPECT_EQ(stamps[0], -1);
  EXPECT_LE(before, stamps[1]);
  EXPECT_EQ(stamps[2], stamps[1]);
  EXPECT_GE(stamps[3], stamps[2]);
  EXPECT_LE(stamps[3], after);
  EXPECT_EQ(stamps[4], -5);
}

}  // namespace
}  // namespace drift
