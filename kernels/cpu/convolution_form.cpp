// The form of each convolution: what can be computed, and the table of what is faster.
#include "kernels/convolution_form.h"

#include <algorithm>

#include "kernels/cpu/winograd/winograd.h"

namespace drift {
namespace {

// The fewest tiles with which Winograd's form was faster, by the larger number of channels: filters have to be
// transformed for each batch, and what is multiplied in float32 gains less on bfloat16. Measured by
// bench_convolutions; figures: docs/results/convolutions.md. A partial tile counts for its part, twice: so much of it
// is computed, and that in vain.
struct FewestTiles {
  std::int64_t channels;  // up to
  double fp32, bf16;
};
constexpr double kNever = 1e300;
constexpr FewestTiles kFewestTiles[] = {{16, 1, 64},    {32, 8, 64},    {64, 8, 64},
                                        {128, 16, 160}, {256, 32, 320}, {512, 32, kNever}};

bool is_faster(const TensorView& x, const Shape& w) {
  const std::int64_t channels = std::max(w[0], w[3]);
  const auto* const row = std::ranges::lower_bound(kFewestTiles, channels, {}, &FewestTiles::channels);
  if (row == std::end(kFewestTiles)) return false;
  const auto computed = static_cast<double>(WinogradConvolutions::tiles(x.shape));
  const double wanted = static_cast<double>(x.shape.rows()) / 16;
  return wanted * wanted / computed >= (x.dtype == DType::kBFloat16 ? row->bf16 : row->fp32);
}

ConvolutionForm form(ConvolutionChoice choice, const Window& window, const TensorView& x, const TensorView& w) {
  const bool by_winograd = choice != ConvolutionChoice::kDirect && WinogradConvolutions::available(x.dtype) &&
                           WinogradConvolutions::covers(window, x.shape, w.shape) &&
                           (choice == ConvolutionChoice::kWinograd || is_faster(x, w.shape));
  return by_winograd ? ConvolutionForm::kWinograd : ConvolutionForm::kDirect;
}

}  // namespace

std::string_view name_of(ConvolutionForm form) {
  return form == ConvolutionForm::kDirect ? "direct" : "winograd";
}

ConvolutionForm form_of(const Conv2dForward& op, ConvolutionChoice choice) {
  return form(choice, op.window, op.x, op.w);
}
ConvolutionForm form_of(const Conv2dBackwardData& op, ConvolutionChoice choice) {
  return form(choice, op.window, op.dx, op.w);
}
ConvolutionForm form_of(const Conv2dBackwardWeights& op, ConvolutionChoice choice) {
  return form(choice, op.window, op.x, op.dw);
}

}  // namespace drift
