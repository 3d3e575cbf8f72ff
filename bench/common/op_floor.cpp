#include "bench/common/op_floor.h"

#include "kernels/cost.h"
#include "kernels/cpu/winograd/winograd.h"

namespace drift::bench {
namespace {

// Instructions of a tile and channel, each of which does as many elements at once as a multiply-add. A pass of B^T d is
// twelve, and there are six down and six across; A^T m twelve, six and four; A dy eight, four and six.
constexpr double kInput = 12 * (6 + 6), kOutput = 12 * (6 + 4), kGradient = 8 * (4 + 6);
constexpr double kPoints = 36;

double flops(const Shape& x, const Shape& w, double per_input, double per_output) {
  const auto outputs = static_cast<double>(w[0]), inputs = static_cast<double>(w[3]);
  return 2 * static_cast<double>(WinogradConvolutions::tiles(x)) *
         (kPoints * inputs * outputs + per_input * inputs + per_output * outputs);
}

}  // namespace

double winograd_flops(const Conv2dForward& op) {
  return flops(op.x.shape, op.w.shape, kInput, kOutput);
}
double winograd_flops(const Conv2dBackwardData& op) {
  return flops(op.dx.shape, op.w.shape, kOutput, kInput);
}
double winograd_flops(const Conv2dBackwardWeights& op) {
  return flops(op.x.shape, op.dw.shape, kInput, kGradient);
}

double floor_seconds(const Op& op, DType precision, ConvolutionChoice choice, const MachinePeaks& peaks) {
  const OpCost cost = cost_of(op);
  auto flops = static_cast<double>(cost.flops());
  double peak = precision == DType::kBFloat16 ? peaks.bf16_flops : peaks.fp32_flops;
  std::visit(
      [&](const auto& args) {
        if constexpr (requires { winograd_flops(args); }) {
          if (form_of(args, choice) == ConvolutionForm::kDirect) return;
          flops = winograd_flops(args);
          peak = peaks.fp32_flops;
        }
      },
      op);
  return floor_seconds(static_cast<double>(cost.bytes), flops, peaks.bandwidth, peak);
}

}  // namespace drift::bench
