#include "kernels/cuda/backend_cuda.h"

#include "kernels/cuda.h"
#include "kernels/cuda/check_cuda.h"
#include "kernels/cuda/maps.h"
#include "kernels/cuda/normalisation.h"
#include "kernels/cuda/pool.h"
#include "kernels/cuda/training.h"

namespace drift {

CudaBackend::CudaBackend(Stream& stream, const BackendOptions& options)
    : stream_(stream),
      handle_(cuda_handle(stream)),
      staging_(stream),
      workspace_(stream.device()),
      cudnn_(stream, workspace_, options),
      convolutions_(cudnn_),
      batch_norms_(cudnn_),
      linears_(stream, workspace_, options.tf32) {}

void CudaBackend::copy(const TensorView& from, const TensorView& to) {
  const auto guard = here();
  DRIFT_CUDA(cudaMemcpyAsync(to.data, from.data, from.bytes(), cudaMemcpyDeviceToDevice, handle_),
             "a copy of {} {} on {}", name_of(from.dtype), to_string(from.shape), to_string(stream_.device()));
}

void CudaBackend::upload(const void* host, const TensorView& to) {
  const auto guard = here();
  staging_.upload(host, to.data, to.bytes());
}

void CudaBackend::download(const TensorView& from, void* host) {
  const auto guard = here();
  staging_.download(from.data, host, from.bytes());
}

void CudaBackend::download_async(const TensorView& from, const HostMemory& to) {
  const auto guard = here();
  DRIFT_ASSERT(from.bytes() <= to.bytes(), "{} bytes do not fit into {} bytes of host memory", from.bytes(),
               to.bytes());
  DRIFT_CUDA(cudaMemcpyAsync(to.data(), from.data, from.bytes(), cudaMemcpyDeviceToHost, handle_),
             "a download of {} {} from {}", name_of(from.dtype), to_string(from.shape), to_string(stream_.device()));
}

void CudaBackend::fill(const TensorView& y, float value) {
  const auto guard = here();
  fill_on(handle_, y, value);
}

void CudaBackend::cast(const TensorView& x, const TensorView& y) {
  const auto guard = here();
  cast_on(handle_, x, y);
}

void CudaBackend::conv2d_forward(const Conv2dForward& args) {
  const auto guard = here();
  convolutions_.forward(args);
}

void CudaBackend::conv2d_backward_data(const Conv2dBackwardData& args) {
  const auto guard = here();
  convolutions_.backward_data(args);
}

void CudaBackend::conv2d_backward_weights(const Conv2dBackwardWeights& args) {
  const auto guard = here();
  convolutions_.backward_weights(args);
  if (args.dbias) bias_gradient_on(handle_, workspace_, args.dy, args.dbias);
}

void CudaBackend::linear_forward(const LinearForward& args) {
  const auto guard = here();
  linears_.forward(args);
}

void CudaBackend::linear_backward(const LinearBackward& args) {
  const auto guard = here();
  linears_.backward(args);
  if (args.dbias) bias_gradient_on(handle_, workspace_, args.dy, args.dbias);
}

void CudaBackend::batch_norm_forward(const BatchNormForward& args) {
  const auto guard = here();
  if (CudnnBatchNorms::supports(args)) {
    batch_norms_.forward(args);
  } else {
    batch_norm_forward_on(handle_, workspace_, args);
  }
}

void CudaBackend::batch_norm_inference(const BatchNormInference& args) {
  const auto guard = here();
  batch_norm_inference_on(handle_, workspace_, args);
}

void CudaBackend::batch_norm_backward(const BatchNormBackward& args) {
  const auto guard = here();
  if (CudnnBatchNorms::supports(args)) {
    batch_norms_.backward(args);
  } else {
    batch_norm_backward_on(handle_, workspace_, args);
  }
}

void CudaBackend::group_norm_forward(const GroupNormForward& args) {
  const auto guard = here();
  group_norm_forward_on(handle_, workspace_, args);
}

void CudaBackend::group_norm_backward(const GroupNormBackward& args) {
  const auto guard = here();
  group_norm_backward_on(handle_, workspace_, args);
}

void CudaBackend::activation_forward(Activation kind, const TensorView& x, const TensorView& y) {
  const auto guard = here();
  activation_forward_on(handle_, kind, x, y);
}

void CudaBackend::activation_backward(Activation kind, const TensorView& saved, const TensorView& dy,
                                      const TensorView& dx) {
  const auto guard = here();
  activation_backward_on(handle_, kind, saved, dy, dx);
}

void CudaBackend::add(const TensorView& a, const TensorView& b, const TensorView& y) {
  const auto guard = here();
  add_on(handle_, a, b, y);
}

void CudaBackend::shortcut_forward(std::int64_t stride, const TensorView& x, const TensorView& y) {
  const auto guard = here();
  shortcut_forward_on(handle_, stride, x, y);
}

void CudaBackend::shortcut_backward(std::int64_t stride, const TensorView& dy, const TensorView& dx) {
  const auto guard = here();
  shortcut_backward_on(handle_, stride, dy, dx);
}

void CudaBackend::pool_forward(const PoolForward& args) {
  const auto guard = here();
  pool_forward_on(handle_, args);
}

void CudaBackend::pool_backward(const PoolBackward& args) {
  const auto guard = here();
  pool_backward_on(handle_, args);
}

void CudaBackend::global_average_pool_forward(const TensorView& x, const TensorView& y) {
  const auto guard = here();
  global_average_pool_forward_on(handle_, workspace_, x, y);
}

void CudaBackend::global_average_pool_backward(const TensorView& dy, const TensorView& dx) {
  const auto guard = here();
  global_average_pool_backward_on(handle_, dy, dx);
}

void CudaBackend::softmax_cross_entropy(const SoftmaxCrossEntropy& args) {
  const auto guard = here();
  softmax_cross_entropy_on(handle_, workspace_, args);
}

void CudaBackend::sgd_update(const SgdUpdate& args) {
  const auto guard = here();
  sgd_update_on(handle_, args);
}

void CudaBackend::average(std::span<float* const> replicas, std::int64_t n) {
  const auto guard = here();
  DRIFT_CHECK(kConfig, replicas.size() <= kMaxReplicas, "{} replicas on one GPU, at most {} are averaged there",
              replicas.size(), kMaxReplicas);
  average_on(handle_, replicas, n);
}

void CudaBackend::augment(const Augment& args) {
  const auto guard = here();
  augment_on(handle_, args);
}

std::unique_ptr<Backend> make_cuda_backend(Stream& stream, const BackendOptions& options) {
  const DeviceGuard guard(stream.device().index);
  return std::make_unique<CudaBackend>(stream, options);
}

}  // namespace drift
