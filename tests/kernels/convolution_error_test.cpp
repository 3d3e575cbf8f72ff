// How far convolutions are from their exact values, as the root of the mean square over an output, beside what
// docs/numerics.md derives: each rounding is off by u/sqrt(3), and Winograd's transforms amplify what is off in the 36
// products of a tile by kAmplification.
#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <iostream>

#include "tests/kernels/case_list.h"
#include "tests/kernels/case_runner.h"
#include "tests/kernels/tolerance.h"
#include "tests/support/seed.h"

namespace drift::testing {
namespace {

// The root of the mean over outputs of sum_p (a b g)^2, by 3, where a is what point p has in A^T for an output, b and g
// the norms of its rows of B^T and G: 1 would be a sum of nine products. With the points 0, +-1, +-2 it would be 10.8.
constexpr double kAmplification = 5.02;

struct Size {
  Shape x;
  std::int64_t outputs;
};

// Relative to the root mean square of the exact values.
double relative_error(ConvCase c, ConvolutionForm form, const std::string& output) {
  c.form = form;
  const auto stream = make_stream(Device{}, 2);
  const auto backend = backend_by_form(*stream, form);
  const OpCase op_case = c.make();
  const Named<Array> inputs = make_inputs(op_case, seed());
  const Named<Expected> expected = op_case.expect(inputs);
  const CaseRun run = run_case(op_case, inputs, *backend, 0);
  for (const Operand& operand : op_case.operands) {
    if (operand.name != output) continue;
    const Array exact = expected[output].values, got = decode(run.outputs[output], operand.shape, operand.dtype);
    double errors = 0, values = 0;
    for (std::int64_t i = 0; i < exact.elements(); ++i) {
      errors += (got[i] - exact[i]) * (got[i] - exact[i]);
      values += exact[i] * exact[i];
    }
    return std::sqrt(errors / values);
  }
  return NAN;
}

TEST(ConvolutionError, OfWinogradIsWhatItsTransformsAmplify) {
  if (!cpu_features().avx512) GTEST_SKIP() << "no AVX-512 on this CPU, and so no convolutions by Winograd";
  const std::pair<ConvDirection, const char*> directions[] = {
      {ConvDirection::kForward, "y"}, {ConvDirection::kBackwardData, "dx"}, {ConvDirection::kBackwardWeights, "dw"}};
  for (const Size& size : {Size{{1, 32, 32, 16}, 16}, Size{{2, 16, 16, 32}, 32}, Size{{4, 8, 8, 64}, 64}}) {
    for (const auto& [direction, output] : directions) {
      const ConvCase c{direction, size.x, size.outputs, {3, 1, 1}};
      const double by_winograd = relative_error(c, ConvolutionForm::kWinograd, output);
      const double direct = relative_error(c, ConvolutionForm::kDirect, output);
      // Terms that are added up in one place, and the roundings before: two passes of a transform on either side.
      const std::int64_t terms = direction == ConvDirection::kBackwardWeights ? size.x.rows() / 16 : size.outputs;
      const double derived = kAmplification * kUnit / std::sqrt(3.0) * std::sqrt(static_cast<double>(terms) / 2 + 12);
      std::cout << fmt::format("{} {}: by winograd {:.1e}, derived {:.1e}; direct {:.1e}\n", output, to_string(size.x),
                               by_winograd, derived, direct);
      EXPECT_LT(by_winograd, 1.5 * derived);
      EXPECT_GT(by_winograd, derived / 4) << "the figure says less than it should";
      EXPECT_LT(direct, by_winograd);
    }
  }
}

// What is stored as bfloat16 hides all of it.
TEST(ConvolutionError, OfBothFormsIsTheSameInBfloat16) {
  if (!cpu_features().avx512_bf16) GTEST_SKIP() << "no bfloat16 in AVX-512 on this CPU";
  const ConvCase c{ConvDirection::kForward, {4, 16, 16, 32}, 32, {3, 1, 1}, false, DType::kBFloat16};
  const double by_winograd = relative_error(c, ConvolutionForm::kWinograd, "y");
  const double direct = relative_error(c, ConvolutionForm::kDirect, "y");
  std::cout << fmt::format("y in bf16: by winograd {:.3e}, direct {:.3e}\n", by_winograd, direct);
  EXPECT_NEAR(by_winograd / direct, 1, 0.01);
}

}  // namespace
}  // namespace drift::testing
