#include "tests/support/fake_backend.h"

#include <cstring>
#include <gtest/gtest.h>
#include <vector>

namespace drift::testing {
namespace {

void run_copy(const Copy& op) {
  ASSERT_EQ(op.from.bytes(), op.to.bytes());
  std::memcpy(op.to.data, op.from.data, op.from.bytes());
}

void run_average(const Average& op) {
  const std::size_t count = op.sources.size();
  std::vector<float> sums(count);
  for (std::int64_t i = 0; i < op.n; ++i) {
    for (std::size_t k = 0; k < count; ++k) sums[k] = op.sources[k][i];
    for (std::size_t distance = 1; distance < count; distance *= 2) {
      for (std::size_t k = 0; k + distance < count; k += 2 * distance) sums[k] += sums[k + distance];
    }
    const float mean = sums[0] * op.scale();
    for (float* target : op.targets) target[i] = mean;
  }
}

}  // namespace

void FakeBackend::run(const Op& op) {
  if (const auto* const copy = std::get_if<Copy>(&op)) return run_copy(*copy);
  if (const auto* const average = std::get_if<Average>(&op)) return run_average(*average);
  ADD_FAILURE() << "FakeBackend has no " << name_of(op);
}

}  // namespace drift::testing
