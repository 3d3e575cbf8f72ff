// Which form a convolution has: by what can be computed, and by the table of what is faster.
#include "kernels/convolution_form.h"

#include <gtest/gtest.h>

#include "kernels/device.h"

namespace drift::testing {
namespace {

using Choice = ConvolutionChoice;
using Form = ConvolutionForm;

Form form(const Shape& x, std::int64_t outputs, Choice choice, DType dtype = DType::kFloat32,
          Window window = {3, 1, 1}) {
  const Shape w{outputs, window.size, window.size, x.channels()};
  const Shape y{x[0], window.output_extent(x[1]), window.output_extent(x[2]), outputs};
  const TensorView at_x{nullptr, x, dtype}, at_w{nullptr, w, dtype}, at_y{nullptr, y, dtype};
  const Form forward = form_of(Conv2dForward{window, at_x, at_w, {}, at_y}, choice);
  EXPECT_EQ(form_of(Conv2dBackwardData{window, at_y, at_w, at_x}, choice), forward);
  EXPECT_EQ(form_of(Conv2dBackwardWeights{window, at_x, at_y, at_w, {}}, choice), forward);
  return forward;
}

TEST(ConvolutionForm, IsDirectWhereWinogradCannotBe) {
  const Shape x{8, 16, 16, 32};
  for (const Choice choice : {Choice::kAuto, Choice::kWinograd}) {
    for (const Window& window : {Window{3, 2, 1}, Window{3, 1, 0}, Window{1, 1, 0}, Window{5, 1, 2}}) {
      EXPECT_EQ(form(x, 32, choice, DType::kFloat32, window), Form::kDirect) << window.size << "/" << window.stride;
    }
    EXPECT_EQ(form({8, 32, 32, 3}, 16, choice), Form::kDirect) << "channels";
    EXPECT_EQ(form(x, 24, choice), Form::kDirect) << "outputs";
    EXPECT_EQ(form({8, 3, 16, 32}, 32, choice), Form::kDirect) << "rows";
  }
  EXPECT_EQ(form(x, 32, Choice::kDirect), Form::kDirect);
}

TEST(ConvolutionForm, IsWinogradWhereThatWasFaster) {
  if (!cpu_features().avx512 || !cpu_features().avx512_bf16) GTEST_SKIP() << "no AVX-512, or no bfloat16 in it";
  struct Case {
    Shape x;
    std::int64_t outputs;
    Form fp32, bf16;
  };
  const Case cases[] = {{{128, 32, 32, 16}, 16, Form::kWinograd, Form::kWinograd},
                        {{1, 4, 4, 16}, 16, Form::kWinograd, Form::kDirect},
                        {{1, 8, 8, 64}, 64, Form::kDirect, Form::kDirect},
                        {{16, 8, 8, 64}, 64, Form::kWinograd, Form::kWinograd},
                        {{16, 8, 8, 64}, 128, Form::kWinograd, Form::kDirect},
                        {{32, 14, 14, 256}, 256, Form::kWinograd, Form::kDirect},  // partial tiles
                        {{128, 8, 8, 256}, 256, Form::kWinograd, Form::kWinograd},
                        {{4, 7, 7, 512}, 512, Form::kDirect, Form::kDirect},
                        {{128, 16, 16, 1024}, 1024, Form::kDirect, Form::kDirect}};  // nobody measured it
  for (const Case& c : cases) {
    EXPECT_EQ(form(c.x, c.outputs, Choice::kAuto), c.fp32) << to_string(c.x);
    EXPECT_EQ(form(c.x, c.outputs, Choice::kAuto, DType::kBFloat16), c.bf16) << to_string(c.x);
    EXPECT_EQ(form(c.x, c.outputs, Choice::kWinograd), Form::kWinograd) << to_string(c.x);
  }
}

}  // namespace
}  // namespace drift::testing
