// The harness itself: each kind of mistake, planted in a case of its own, is seen.
#include <gtest/gtest.h>
#include <memory>

#include "tests/kernels/cases/norm_error.h"
#include "tests/kernels/op_cases.h"
#include "tests/kernels/run_case.h"
#include "tests/support/seed.h"

namespace drift::testing {
namespace {

constexpr DType kFloat = DType::kFloat32;

// y = x on 5 floats, by whatever `run` is.
OpCase copy_case(std::function<void(Backend&, const TensorView& x, const TensorView& y)> run) {
  OpCase c = CopyCase{{5}}.make();
  c.run = [run](Backend& backend, const Named<TensorView>& v) { run(backend, v["x"], v["y"]); };
  return c;
}

TensorView part(const TensorView& view, std::int64_t first, std::int64_t count) {
  return {view.as<float>() + first, {count}, kFloat};
}

class Harness : public ::testing::Test {
 protected:
  CaseRun run(const OpCase& c, std::uint8_t pattern = 0xff) { return run_case(c, inputs(c), *backend_, pattern); }
  Named<Array> inputs(const OpCase& c) { return make_inputs(c, seed()); }

  std::unique_ptr<Stream> stream_ = make_stream(Device{}, 1);
  std::unique_ptr<Backend> backend_ = make_backend(*stream_);
};

TEST_F(Harness, ACorrectOpPasses) {
  const OpCase c = copy_case([](Backend& backend, auto& x, auto& y) { backend.copy(x, y); });
  EXPECT_TRUE(run(c).faults.empty());
  EXPECT_TRUE(mismatches(c, inputs(c), run(c)).empty());
}

TEST_F(Harness, SeesAWrongValue) {
  const OpCase c = copy_case([](Backend& backend, auto& x, auto& y) { backend.add(x, x, y); });
  EXPECT_EQ(mismatches(c, inputs(c), run(c)).size(), 1u);
}

TEST_F(Harness, SeesAWriteOnEitherSide) {
  for (const std::int64_t first : {-1, 5}) {
    const OpCase c = copy_case([first](Backend& backend, auto& x, auto& y) {
      backend.copy(x, y);
      backend.fill(part(y, first, 1), 1);
    });
    EXPECT_EQ(run(c).faults, std::vector<std::string>{"y: wrote outside its memory"});
  }
}

TEST_F(Harness, SeesAChangedInput) {
  const OpCase c = copy_case([](Backend& backend, auto& x, auto& y) {
    backend.copy(x, y);
    backend.fill(part(x, 4, 1), 77);
  });
  EXPECT_EQ(run(c).faults, std::vector<std::string>{"x: changed an input"});
}

TEST_F(Harness, SeesAnElementThatIsNotWritten) {
  const OpCase c = copy_case([](Backend& backend, auto& x, auto& y) { backend.copy(part(x, 0, 4), part(y, 0, 4)); });
  EXPECT_FALSE(run(c, 0xff).outputs["y"] == run(c, 0xcd).outputs["y"]);
  EXPECT_EQ(mismatches(c, inputs(c), run(c)).size(), 1u);
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
