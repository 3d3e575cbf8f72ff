// The harness itself: each kind of mistake, planted in a case of its own, is seen.
#include <gtest/gtest.h>
#include <memory>

#include "tests/kernels/case_list.h"
#include "tests/kernels/case_runner.h"
#include "tests/kernels/cases/norm_error.h"
#include "tests/kernels/mistaken_backend.h"
#include "tests/support/seed.h"

namespace drift::testing {
namespace {

constexpr DType kFloat = DType::kFloat32;

TensorView part(const TensorView& view, std::int64_t first, std::int64_t count) {
  return {view.as<float>() + first, {count}, kFloat};
}

class Harness : public ::testing::Test {
 protected:
  // y = x on 5 floats, by whatever `copy` is.
  CaseRun run(MistakenBackend::CopyOf copy, std::uint8_t pattern = 0xff) {
    MistakenBackend backend(*backend_, std::move(copy));
    return run_case(case_, inputs_, backend, pattern);
  }
  std::vector<std::string> mismatches_of(const CaseRun& run) const { return mismatches(case_, inputs_, run); }

  const OpCase case_ = CopyCase{{5}}.make();
  const Named<Array> inputs_ = make_inputs(case_, seed());
  std::unique_ptr<Stream> stream_ = make_stream(Device{}, 1);
  std::unique_ptr<Backend> backend_ = make_backend(*stream_);
};

TEST_F(Harness, ACorrectOpPasses) {
  const CaseRun right = run([](Backend& backend, auto& x, auto& y) { backend.copy(x, y); });
  EXPECT_TRUE(right.faults.empty());
  EXPECT_TRUE(mismatches_of(right).empty());
}

TEST_F(Harness, SeesAWrongValue) {
  const CaseRun doubled = run([](Backend& backend, auto& x, auto& y) { backend.add(x, x, y); });
  EXPECT_EQ(mismatches_of(doubled).size(), 1u);
}

TEST_F(Harness, SeesAWriteOnEitherSide) {
  for (const std::int64_t first : {-1, 5}) {
    const CaseRun outside = run([first](Backend& backend, auto& x, auto& y) {
      backend.copy(x, y);
      backend.fill(part(y, first, 1), 1);
    });
    EXPECT_EQ(outside.faults, std::vector<std::string>{"y: wrote outside its memory"});
  }
}

TEST_F(Harness, SeesAChangedInput) {
  const CaseRun changed = run([](Backend& backend, auto& x, auto& y) {
    backend.copy(x, y);
    backend.fill(part(x, 4, 1), 77);
  });
  EXPECT_EQ(changed.faults, std::vector<std::string>{"x: changed an input"});
}

TEST_F(Harness, SeesAnElementThatIsNotWritten) {
  const auto short_copy = [](Backend& backend, auto& x, auto& y) { backend.copy(part(x, 0, 4), part(y, 0, 4)); };
  const CaseRun over_nan = run(short_copy, 0xff), over_numbers = run(short_copy, 0xcd);
  EXPECT_FALSE(over_nan.outputs["y"] == over_numbers.outputs["y"]);
  EXPECT_EQ(mismatches_of(over_nan).size(), 1u);
}

TEST_F(Harness, AToleranceIsPerElementAndZeroMeansExact) {
  const Operand y{"y", Role::kOutput, {2}, kFloat, {}, kFloat};
  const Expected expected{Array(Shape{2}, {1.0, 1.0}), Array(Shape{2}, {0.0, 0.25})};
  const auto report = [&](double first, double second, bool exact) {
    return mismatch(y, expected, encode(Array(Shape{2}, {first, second}), kFloat), exact);
  };
  EXPECT_EQ(report(1, 1.25, false), "");
  EXPECT_NE(report(1, 1.25, true), "");
  EXPECT_NE(report(1, 1.26, false), "");
  EXPECT_NE(report(1 + 0x1p-23, 1, false), "");
  EXPECT_NE(report(1, std::nan(""), false), "");
}

TEST_F(Harness, PackedBitsMayDifferOnlyWhereUnsure) {
  const Operand mask{"mask", Role::kOutput, {1}, DType::kUint8, {}, DType::kUint8};
  const Expected expected{Array(Shape{1}, 0b0101), Array(Shape{1}, 0b0100), /*packed_bits=*/true};
  const auto report = [&](int byte) { return mismatch(mask, expected, {static_cast<std::byte>(byte)}, false); };
  EXPECT_EQ(report(0b0101), "");
  EXPECT_EQ(report(0b0001), "");
  EXPECT_NE(report(0b0111), "");
  EXPECT_NE(report(0b1101), "");  // a padding bit
}

// The bound of norm_error.h admits the stable algorithms; float32's E[x^2] - mean^2 at a mean of 1000 deviations must
// not pass.
TEST(NormError, RejectsTheTextbookVariance) {
  constexpr std::int64_t kCount = 147;
  const Rng rng(seed(), stream_id(Purpose::kTest));
  int rejected = 0;
  for (std::uint64_t channel = 0; channel < 16; ++channel) {
    float sum = 0, squares = 0;
    double mean = 0, var = 0;
    const auto x = [&](std::int64_t i) { return 1000 + rng.normal(channel * kCount + static_cast<std::uint64_t>(i)); };
    for (std::int64_t i = 0; i < kCount; ++i) {
      sum += x(i);
      squares += x(i) * x(i);
      mean += x(i) / static_cast<double>(kCount);
    }
    for (std::int64_t i = 0; i < kCount; ++i) var += (x(i) - mean) * (x(i) - mean) / static_cast<double>(kCount);
    const float textbook = squares / kCount - (sum / kCount) * (sum / kCount);
    const StatisticsError error = statistics_error({kCount, mean, mean, var, 1 / std::sqrt(var)});
    EXPECT_LT(error.var, 0.02);
    if (std::abs(static_cast<double>(textbook) - var) > error.var) ++rejected;
  }
  EXPECT_GE(rejected, 12);
}

}  // namespace
}  // namespace drift::testing
