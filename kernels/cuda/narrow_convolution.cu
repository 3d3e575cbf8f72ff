// Which convolutions are narrow, and by which of the kernels of kernels/launch/ they are computed.
#include "kernels/cuda/narrow_convolution.h"
#include "kernels/cuda/own_kernels.h"
#include "kernels/launch/narrow_convolution_cuda.cuh"
#include "kernels/launch/narrow_gradient_cuda.cuh"

namespace drift {
namespace {

bool has_narrow_form(const Window& window, const TensorView& x, const TensorView& y, std::int64_t channels,
                     std::int64_t width) {
  return window == Window{3, 1, 1} && x.dtype == DType::kBFloat16 && x.shape == y.shape &&
         x.shape.channels() == channels && x.shape[2] == width;
}

}  // namespace

bool is_narrow(const Conv2dForward& op) {
  return !op.bias && has_narrow_form(op.window, op.x, op.y, 16, 32);
}

bool is_narrow(const Conv2dBackwardData& op) {
  return has_narrow_form(op.window, op.dx, op.dy, 16, 32);
}

bool is_narrow(const Conv2dBackwardWeights& op) {
  return has_narrow_form(op.window, op.x, op.dy, 16, 32) || has_narrow_form(op.window, op.x, op.dy, 32, 16);
}

void run_on(cudaStream_t stream, const Conv2dForward& op) {
  narrow_convolution::convolve<32, false>(stream, op.x, op.w, op.y);
}

void run_on(cudaStream_t stream, const Conv2dBackwardData& op) {
  narrow_convolution::convolve<32, true>(stream, op.dy, op.w, op.dx);
}

void run_on(cudaStream_t stream, CudaWorkspace& workspace, const Conv2dBackwardWeights& op) {
  const auto run = [&]<int kChannels, int kWidth>() {
    float* const partials = workspace.floats(narrow_convolution::weight_gradient_workspace<kChannels>(op.x));
    narrow_convolution::weight_gradient<kChannels, kWidth>(stream, op.x, op.dy, op.dw, partials);
  };
  if (op.x.shape.channels() == 16) {
    run.template operator()<16, 32>();
  } else {
    run.template operator()<32, 16>();
  }
}

}  // namespace drift
