#include "kernels/cuda/backend_cuda.h"

#include <nvtx3/nvToolsExt.h>
#include <string>

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
      linears_(stream, workspace_, options.tf32) {
  if (options.op_times) clock_ = std::make_unique<OpClock>(stream);
}

CudaBackend::~CudaBackend() {
  use_device_to_release(stream_.device().index);  // for the ends of all its parts
}

// The device of the stream is the calling thread's while an operation is enqueued, and its time is taken if asked for.
class CudaBackend::OpScope {
 public:
  OpScope(CudaBackend& backend, const char* kind) : clock_(backend.clock_.get()) {
    use_device(backend.stream_.device().index);
    if (clock_ != nullptr) clock_->start(kind);
  }
  ~OpScope() {
    if (clock_ != nullptr) clock_->stop();
  }
  OpScope(const OpScope&) = delete;
  OpScope& operator=(const OpScope&) = delete;

 private:
  OpClock* clock_;
};

void CudaBackend::begin_span(std::string_view name) {
  nvtxRangePushA(std::string(name).c_str());
}

void CudaBackend::end_span() {
  nvtxRangePop();
}

std::map<std::string, OpTime> CudaBackend::op_times() {
  use_device(stream_.device().index);
  return clock_ ? clock_->totals() : std::map<std::string, OpTime>{};
}

void CudaBackend::copy(const TensorView& from, const TensorView& to) {
  const OpScope scope(*this, "copy");
  DRIFT_CUDA(cudaMemcpyAsync(to.data, from.data, from.bytes(), cudaMemcpyDeviceToDevice, handle_),
             "a copy of {} {} on {}", name_of(from.dtype), to_string(from.shape), to_string(stream_.device()));
}

void CudaBackend::upload(const void* host, const TensorView& to) {
  const OpScope scope(*this, "upload");
  staging_.upload(host, to.data, to.bytes());
}

void CudaBackend::download(const TensorView& from, void* host) {
  const OpScope scope(*this, "download");
  staging_.download(from.data, host, from.bytes());
}

void CudaBackend::download_async(const TensorView& from, const HostMemory& to) {
  const OpScope scope(*this, "download_async");
  DRIFT_ASSERT(from.bytes() <= to.bytes(), "{} bytes do not fit into {} bytes of host memory", from.bytes(),
               to.bytes());
  DRIFT_CUDA(cudaMemcpyAsync(to.data(), from.data, from.bytes(), cudaMemcpyDeviceToHost, handle_),
             "a download of {} {} from {}", name_of(from.dtype), to_string(from.shape), to_string(stream_.device()));
}

void CudaBackend::fill(const TensorView& y, float value) {
  const OpScope scope(*this, "fill");
  fill_on(handle_, y, value);
}

void CudaBackend::cast(const TensorView& x, const TensorView& y) {
  const OpScope scope(*this, "cast");
  cast_on(handle_, x, y);
}

void CudaBackend::conv2d_forward(const Conv2dForward& args) {
  const OpScope scope(*this, "conv2d_forward");
  convolutions_.forward(args);
}

void CudaBackend::conv2d_backward_data(const Conv2dBackwardData& args) {
  const OpScope scope(*this, "conv2d_backward_data");
  convolutions_.backward_data(args);
}

void CudaBackend::conv2d_backward_weights(const Conv2dBackwardWeights& args) {
  const OpScope scope(*this, "conv2d_backward_weights");
  convolutions_.backward_weights(args);
  if (args.dbias) bias_gradient_on(handle_, workspace_, args.dy, args.dbias);
}

void CudaBackend::linear_forward(const LinearForward& args) {
  const OpScope scope(*this, "linear_forward");
  linears_.forward(args);
}

void CudaBackend::linear_backward(const LinearBackward& args) {
  const OpScope scope(*this, "linear_backward");
  linears_.backward(args);
  if (args.dbias) bias_gradient_on(handle_, workspace_, args.dy, args.dbias);
}

void CudaBackend::batch_norm_forward(const BatchNormForward& args) {
  const OpScope scope(*this, "batch_norm_forward");
  if (CudnnBatchNorms::supports(args)) {
    batch_norms_.forward(args);
  } else {
    batch_norm_forward_on(handle_, workspace_, args);
  }
}

void CudaBackend::batch_norm_inference(const BatchNormInference& args) {
  const OpScope scope(*this, "batch_norm_inference");
  batch_norm_inference_on(handle_, workspace_, args);
}

void CudaBackend::batch_norm_backward(const BatchNormBackward& args) {
  const OpScope scope(*this, "batch_norm_backward");
  if (CudnnBatchNorms::supports(args)) {
    batch_norms_.backward(args);
  } else {
    batch_norm_backward_on(handle_, workspace_, args);
  }
}

void CudaBackend::group_norm_forward(const GroupNormForward& args) {
  const OpScope scope(*this, "group_norm_forward");
  group_norm_forward_on(handle_, workspace_, args);
}

void CudaBackend::group_norm_backward(const GroupNormBackward& args) {
  const OpScope scope(*this, "group_norm_backward");
  group_norm_backward_on(handle_, workspace_, args);
}

void CudaBackend::activation_forward(Activation kind, const TensorView& x, const TensorView& y) {
  const OpScope scope(*this, "activation_forward");
  activation_forward_on(handle_, kind, x, y);
}

void CudaBackend::activation_backward(Activation kind, const TensorView& saved, const TensorView& dy,
                                      const TensorView& dx) {
  const OpScope scope(*this, "activation_backward");
  activation_backward_on(handle_, kind, saved, dy, dx);
}

void CudaBackend::add(const TensorView& a, const TensorView& b, const TensorView& y) {
  const OpScope scope(*this, "add");
  add_on(handle_, a, b, y);
}

void CudaBackend::shortcut_forward(std::int64_t stride, const TensorView& x, const TensorView& y) {
  const OpScope scope(*this, "shortcut_forward");
  shortcut_forward_on(handle_, stride, x, y);
}

void CudaBackend::shortcut_backward(std::int64_t stride, const TensorView& dy, const TensorView& dx) {
  const OpScope scope(*this, "shortcut_backward");
  shortcut_backward_on(handle_, stride, dy, dx);
}

void CudaBackend::pool_forward(const PoolForward& args) {
  const OpScope scope(*this, "pool_forward");
  pool_forward_on(handle_, args);
}

void CudaBackend::pool_backward(const PoolBackward& args) {
  const OpScope scope(*this, "pool_backward");
  pool_backward_on(handle_, args);
}

void CudaBackend::global_average_pool_forward(const TensorView& x, const TensorView& y) {
  const OpScope scope(*this, "global_average_pool_forward");
  global_average_pool_forward_on(handle_, workspace_, x, y);
}

void CudaBackend::global_average_pool_backward(const TensorView& dy, const TensorView& dx) {
  const OpScope scope(*this, "global_average_pool_backward");
  global_average_pool_backward_on(handle_, dy, dx);
}

void CudaBackend::softmax_cross_entropy(const SoftmaxCrossEntropy& args) {
  const OpScope scope(*this, "softmax_cross_entropy");
  softmax_cross_entropy_on(handle_, workspace_, args);
}

void CudaBackend::sgd_update(const SgdUpdate& args) {
  const OpScope scope(*this, "sgd_update");
  sgd_update_on(handle_, args);
}

void CudaBackend::average(std::span<float* const> replicas, std::int64_t n) {
  const OpScope scope(*this, "average");
  DRIFT_CHECK(kConfig, replicas.size() <= kMaxReplicas, "{} replicas on one GPU, at most {} are averaged there",
              replicas.size(), kMaxReplicas);
  average_on(handle_, replicas, n);
}

void CudaBackend::augment(const Augment& args) {
  const OpScope scope(*this, "augment");
  augment_on(handle_, args);
}

std::unique_ptr<Backend> make_cuda_backend(Stream& stream, const BackendOptions& options) {
  use_device(stream.device().index);
  return std::make_unique<CudaBackend>(stream, options);
}

}  // namespace drift
