#include "tests/support/fake_backend.h"

#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>
#include <vector>

namespace drift::testing {
namespace {

void run_copy(const Copy& op) {
  ASSERT_EQ(op.from.bytes(), op.to.bytes());
  std::memcpy(op.to.data, op.from.data, op.from.bytes());
}

void run_fill(const Fill& op) {
  ASSERT_EQ(op.y.dtype, DType::kFloat32);
  std::fill_n(op.y.as<float>(), op.y.elements(), op.value);
}

void run_cast(const Cast& op) {
  ASSERT_EQ(op.x.elements(), op.y.elements());
  ASSERT_NE(op.x.dtype, op.y.dtype);
  for (std::int64_t i = 0; i < op.x.elements(); ++i) {
    if (op.x.dtype == DType::kBFloat16) {
      op.y.as<float>()[i] = to_float(op.x.as<BFloat16>()[i]);
    } else {
      op.y.as<BFloat16>()[i] = from_float<BFloat16>(op.x.as<float>()[i]);
    }
  }
}

void run_average(const Average& op) {
  const std::size_t count = op.sources.size();
  const auto rounded = [&](float value) {
    return op.rounded == DType::kBFloat16 ? to_float(from_float<BFloat16>(value)) : value;
  };
  std::vector<float> sums(count);
  for (std::int64_t i = 0; i < op.n; ++i) {
    for (std::size_t k = 0; k < count; ++k) sums[k] = rounded(op.sources[k][i]);
    for (std::size_t distance = 1; distance < count; distance *= 2) {
      for (std::size_t k = 0; k + distance < count; k += 2 * distance) sums[k] = rounded(sums[k] + sums[k + distance]);
    }
    const float mean = rounded(sums[0] * op.scale());
    for (float* target : op.targets) target[i] = mean;
  }
}

}  // namespace

void FakeBackend::run(const Op& op) {
  if (const auto* const copy = std::get_if<Copy>(&op)) return run_copy(*copy);
  if (const auto* const fill = std::get_if<Fill>(&op)) return run_fill(*fill);
  if (const auto* const cast = std::get_if<Cast>(&op)) return run_cast(*cast);
  if (const auto* const average = std::get_if<Average>(&op)) return run_average(*average);
  ADD_FAILURE() << "FakeBackend has no " << name_of(op);
}

}  // namespace drift::testing
