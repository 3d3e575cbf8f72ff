// Gradients of the data with an addend: which take one, and, as they are no cases of every backend, all that the cases
// of case_list.h are checked for.
#include "kernels/cuda/gradient_addition.h"

#include <gtest/gtest.h>
#include <memory>

#include "kernels/backend.h"
#include "tests/kernels/case_list.h"
#include "tests/kernels/case_runner.h"
#include "tests/kernels/nan_check.h"
#include "tests/support/error_of.h"
#include "tests/support/require_gpu.h"
#include "tests/support/seed.h"

namespace drift::testing {
namespace {

OpCase with_addend(const Shape& x, Fill fill) {
  return ConvCase{.direction = ConvDirection::kBackwardData,
                  .x = x,
                  .outputs = x.channels(),
                  .window = {3, 1, 1},
                  .dtype = DType::kBFloat16,
                  .fill = fill,
                  .addend = true}
      .make();
}

class GradientAddition : public ::testing::Test {
 protected:
  void SetUp() override { DRIFT_NEEDS_GPU(); }

  // Both sizes, odd heights.
  const std::vector<Shape> shapes_ = {{2, 3, 16, 32}, {1, 5, 8, 64}};
};

TEST_F(GradientAddition, MatchesTheReferenceRoundedOnce) {
  const auto stream = make_stream(default_device(), 1);
  const auto backend = make_backend(*stream);
  for (const Shape& x : shapes_) {
    for (const Fill fill : {Fill::kNormal, Fill::kExact}) {
      const OpCase op_case = with_addend(x, fill);
      SCOPED_TRACE(op_case.label);
      const Named<Array> inputs = make_inputs(op_case, seed());
      const CaseRun over_nan = run_case(op_case, inputs, *backend, 0xff);
      const CaseRun over_numbers = run_case(op_case, inputs, *backend, 0xcd);
      for (const std::string& line : mismatches(op_case, inputs, over_nan)) ADD_FAILURE() << line;
      for (const std::string& fault : over_numbers.faults) ADD_FAILURE() << fault;
      EXPECT_TRUE(over_nan.outputs["dx"] == over_numbers.outputs["dx"]);
    }
  }
}

TEST_F(GradientAddition, PassesNansOn) {
  const auto stream = make_stream(default_device(), 1);
  const auto backend = make_backend(*stream);
  for (const Shape& x : shapes_) {
    for (const std::string& fault : nan_faults(with_addend(x, Fill::kNormal), seed(), *backend)) ADD_FAILURE() << fault;
  }
}

TEST_F(GradientAddition, IsRefusedWhereNobodyAsked) {
  for (const Device device : {default_device(), Device{}}) {
    const auto stream = make_stream(device, 1);
    const auto backend = make_backend(*stream);
    const OpCase narrow = with_addend({1, 3, 32, 16}, Fill::kNormal);
    const Error error = error_of([&] { run_case(narrow, make_inputs(narrow, seed()), *backend, 0xff); });
    EXPECT_EQ(error.kind(), ErrorKind::kInternal) << error.message();
    EXPECT_NE(error.message().find("conv2d_backward_data: "), std::string::npos) << error.message();
  }
}

TEST(GradientAdditions, AreThoseThatWereMeasuredToBeFaster) {
  static float anything = 0;
  const auto adds = [](const Shape& x, std::int64_t outputs, Window window, DType dtype) {
    const Shape y{x[0], window.output_extent(x[1]), window.output_extent(x[2]), outputs};
    const TensorView w{&anything, {outputs, window.size, window.size, x.channels()}, dtype};
    return adds_to_gradient({.window = window, .dy = {&anything, y, dtype}, .w = w, .dx = {&anything, x, dtype}});
  };
  constexpr DType kBf16 = DType::kBFloat16;
  constexpr Window kWindow{3, 1, 1};
  EXPECT_TRUE(adds({128, 16, 16, 32}, 32, kWindow, kBf16));
  EXPECT_TRUE(adds({1, 3, 16, 32}, 32, kWindow, kBf16));
  EXPECT_TRUE(adds({128, 8, 8, 64}, 64, kWindow, kBf16));

  EXPECT_FALSE(adds({128, 32, 32, 16}, 16, kWindow, kBf16));  // narrow
  EXPECT_FALSE(adds({128, 16, 16, 32}, 32, kWindow, DType::kFloat32));
  EXPECT_FALSE(adds({128, 16, 16, 32}, 64, kWindow, kBf16));
  EXPECT_FALSE(adds({128, 16, 16, 32}, 64, {3, 2, 1}, kBf16));
  EXPECT_FALSE(adds({128, 56, 56, 64}, 64, kWindow, kBf16));
  EXPECT_FALSE(adds({128, 8, 8, 64}, 64, {1, 1, 0}, kBf16));
  EXPECT_FALSE(adds({128, 14, 14, 256}, 256, kWindow, kBf16));
}

}  // namespace
}  // namespace drift::testing
