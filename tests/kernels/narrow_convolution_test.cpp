// Narrow convolutions, beyond the cases of case_list.h: which ones are, batches of more tiles than there are blocks,
// and NaNs.
#include "kernels/cuda/narrow_convolution.h"

#include <gtest/gtest.h>
#include <memory>

#include "kernels/backend.h"
#include "tests/kernels/case_list.h"
#include "tests/kernels/case_runner.h"
#include "tests/kernels/nan_check.h"
#include "tests/support/require_gpu.h"
#include "tests/support/seed.h"

namespace drift::testing {
namespace {

class NarrowConvolution : public ::testing::Test {
 protected:
  void SetUp() override {
    DRIFT_NEEDS_GPU();
    stream_ = make_stream(default_device(), 1);
    backend_ = make_backend(*stream_);
  }

  std::unique_ptr<Stream> stream_;
  std::unique_ptr<Backend> backend_;
};

// Of 3x3, from and to as many channels, in bfloat16.
ConvCase of(ConvDirection direction, const Shape& x) {
  return {direction, x, x.channels(), {3, 1, 1}, false, DType::kBFloat16};
}

// All that there are.
std::vector<ConvCase> directions(const Shape& wide_16, const Shape& wide_32) {
  return {of(ConvDirection::kForward, wide_16), of(ConvDirection::kBackwardData, wide_16),
          of(ConvDirection::kBackwardWeights, wide_16), of(ConvDirection::kBackwardWeights, wide_32)};
}

TEST_F(NarrowConvolution, BlocksTakeOneTileAfterTheOther) {
  for (const ConvCase& c : directions({540, 1, 32, 16}, {270, 1, 16, 32})) {
    const OpCase op_case = c.make();
    SCOPED_TRACE(op_case.op + " " + op_case.label);
    const Named<Array> inputs = make_inputs(op_case, seed());
    const CaseRun run = run_case(op_case, inputs, *backend_, 0xff);
    for (const std::string& line : mismatches(op_case, inputs, run)) ADD_FAILURE() << line;
    for (const std::string& fault : run.faults) ADD_FAILURE() << fault;
  }
}

TEST_F(NarrowConvolution, PassesNansOn) {
  for (const ConvCase& c : directions({1, 3, 32, 16}, {1, 3, 16, 32})) {
    const OpCase op_case = c.make();
    SCOPED_TRACE(op_case.op + " " + op_case.label);
    for (const std::string& fault : nan_faults(op_case, seed(), *backend_)) ADD_FAILURE() << fault;
  }
}

// Which of the directions are narrow: "f", "d", "w" for forward, data and weights.
std::string narrow_directions(const Shape& x, std::int64_t outputs, Window window, DType dtype, bool bias = false) {
  static float anything = 0;
  const Shape y_shape{x[0], window.output_extent(x[1]), window.output_extent(x[2]), outputs};
  const TensorView image{&anything, x, dtype}, result{&anything, y_shape, dtype};
  const TensorView w{&anything, {outputs, window.size, window.size, x.channels()}, dtype};
  const TensorView b = bias ? TensorView{&anything, {outputs}} : TensorView{};
  std::string narrow;
  if (is_narrow(Conv2dForward{window, image, w, b, result})) narrow += "f";
  if (is_narrow(Conv2dBackwardData{window, result, w, image})) narrow += "d";
  if (is_narrow(Conv2dBackwardWeights{window, image, result, w, b})) narrow += "w";
  return narrow;
}

TEST(NarrowConvolutions, AreThoseThatWereMeasuredToBeFaster) {
  constexpr DType kBf16 = DType::kBFloat16;
  constexpr Window kWindow{3, 1, 1};
  EXPECT_EQ(narrow_directions({128, 32, 32, 16}, 16, kWindow, kBf16), "fdw");
  EXPECT_EQ(narrow_directions({1, 1, 32, 16}, 16, kWindow, kBf16), "fdw");
  EXPECT_EQ(narrow_directions({7, 33, 32, 16}, 16, kWindow, kBf16), "fdw");
  EXPECT_EQ(narrow_directions({128, 16, 16, 32}, 32, kWindow, kBf16), "w");
  EXPECT_EQ(narrow_directions({128, 32, 32, 16}, 16, kWindow, kBf16, /*bias=*/true), "dw");

  EXPECT_EQ(narrow_directions({128, 32, 32, 16}, 16, kWindow, DType::kFloat32), "");
  EXPECT_EQ(narrow_directions({128, 32, 16, 16}, 16, kWindow, kBf16), "");
  EXPECT_EQ(narrow_directions({128, 32, 32, 32}, 32, kWindow, kBf16), "");
  EXPECT_EQ(narrow_directions({128, 8, 8, 64}, 64, kWindow, kBf16), "");
  EXPECT_EQ(narrow_directions({128, 32, 32, 16}, 32, kWindow, kBf16), "");
  EXPECT_EQ(narrow_directions({128, 32, 32, 3}, 16, kWindow, kBf16), "");
  EXPECT_EQ(narrow_directions({128, 32, 32, 16}, 16, {3, 2, 1}, kBf16), "");
  EXPECT_EQ(narrow_directions({128, 32, 32, 16}, 16, {3, 2, 17}, kBf16), "");  // as large as its input
  EXPECT_EQ(narrow_directions({128, 32, 32, 16}, 16, {3, 1, 0}, kBf16), "");
  EXPECT_EQ(narrow_directions({128, 32, 32, 16}, 16, {5, 1, 2}, kBf16), "");
  EXPECT_EQ(narrow_directions({128, 32, 32, 16}, 16, {1, 1, 0}, kBf16), "");
}

}  // namespace
}  // namespace drift::testing
