#include "kernels/cuda/backend_cuda.h"

#include <algorithm>
#include <nvtx3/nvToolsExt.h>
#include <string>
#include <utility>

#include "core/check.h"
#include "kernels/cuda.h"
#include "kernels/cuda/check_cuda.h"
#include "kernels/cuda/gradient_addition.h"
#include "kernels/cuda/narrow_convolution.h"
#include "kernels/cuda/op_clock.h"

namespace drift {
namespace {

// Whether it has to do with an InputNorm.
template <class Args>
bool is_for_reading(const Args& op) {
  if constexpr (requires { op.norm; }) {
    return static_cast<bool>(op.norm);
  } else if constexpr (std::is_same_v<Args, BatchNormForward> || std::is_same_v<Args, BatchNormInference>) {
    return !op.y;
  } else if constexpr (std::is_same_v<Args, BatchNormBackward>) {
    return op.summed;
  } else {
    return false;
  }
}

}  // namespace

CudaBackend::CudaBackend(Stream& stream, const BackendOptions& options)
    : stream_(stream),
      handle_(cuda_handle(stream)),
      staging_(stream),
      workspace_(stream.device()),
      cudnn_batch_norm_(options.batch_norm == BatchNormKernels::kCudnn),
      cudnn_(stream, workspace_, options),
      convolutions_(cudnn_),
      batch_norms_(cudnn_),
      linears_(stream, workspace_, options.tf32) {}

CudaBackend::~CudaBackend() {
  (void)use_device_to_release(stream_.device().index);  // for the ends of all its parts
}

void CudaBackend::run(const Op& op) {
  use_device(stream_.device().index);
  std::visit(
      [this](const auto& args) {
        DRIFT_ASSERT(!is_for_reading(args), "{}: on a GPU no convolution normalises what it reads", args.kName);
        enqueue(args);
      },
      op);
}

bool CudaBackend::adds_to_gradient(const Conv2dBackwardData& op) const {
  return drift::adds_to_gradient(op);
}

void CudaBackend::begin_span(std::string_view name) {
  last_span_ = name;
  nvtxRangePushA(last_span_.c_str());
}

void CudaBackend::end_span() {
  nvtxRangePop();
}

void CudaBackend::enqueue(const Copy& op) {
  DRIFT_CUDA(cudaMemcpyAsync(op.to.data, op.from.data, op.from.bytes(), cudaMemcpyDeviceToDevice, handle_),
             "a copy of {} {} on {}", name_of(op.from.dtype), to_string(op.from.shape), to_string(stream_.device()));
}

void CudaBackend::enqueue(const Upload& op) {
  staging_.upload(op.host, op.to.data, op.to.bytes());
}

void CudaBackend::enqueue(const Download& op) {
  staging_.download(op.from.data, op.host, op.from.bytes());
}

void CudaBackend::enqueue(const DownloadAsync& op) {
  DRIFT_ASSERT(op.from.bytes() <= op.to->bytes(), "{} bytes do not fit into {} bytes of host memory", op.from.bytes(),
               op.to->bytes());
  DRIFT_CUDA(cudaMemcpyAsync(op.to->data(), op.from.data, op.from.bytes(), cudaMemcpyDeviceToHost, handle_),
             "a download of {} {} from {}", name_of(op.from.dtype), to_string(op.from.shape),
             to_string(stream_.device()));
}

void CudaBackend::enqueue(const Conv2dForward& op) {
  if (is_narrow(op)) {
    run_on(handle_, op);
  } else {
    convolutions_.forward(op);
  }
}

void CudaBackend::enqueue(const Conv2dBackwardData& op) {
  DRIFT_ASSERT(!op.addend || adds_to_gradient(op), "{}: no addend for dx {} of dy {}, ask adds_to_gradient() before",
               op.kName, to_string(op.dx.shape), to_string(op.dy.shape));
  if (is_narrow(op)) {
    run_on(handle_, op);
  } else {
    convolutions_.backward_data(op);
  }
}

void CudaBackend::enqueue(const Conv2dBackwardWeights& op) {
  if (is_narrow(op)) {
    run_on(handle_, workspace_, op);
  } else {
    convolutions_.backward_weights(op);
  }
  if (op.dbias) bias_gradient_on(handle_, workspace_, op.dy, op.dbias);
}

void CudaBackend::enqueue(const LinearForward& op) {
  linears_.forward(op);
}

void CudaBackend::enqueue(const LinearBackward& op) {
  linears_.backward(op);
  if (op.dbias) bias_gradient_on(handle_, workspace_, op.dy, op.dbias);
}

void CudaBackend::enqueue(const BatchNormForward& op) {
  if (cudnn_batch_norm_ && CudnnBatchNorms::supports(op)) {
    batch_norms_.forward(op);
  } else {
    run_on(handle_, workspace_, op);
  }
}

void CudaBackend::enqueue(const BatchNormBackward& op) {
  if (cudnn_batch_norm_ && CudnnBatchNorms::supports(op)) {
    batch_norms_.backward(op);
  } else {
    run_on(handle_, workspace_, op);
  }
}

void CudaBackend::enqueue(const Average& op) {
  const std::size_t most = std::max(op.sources.size(), op.targets.size());
  DRIFT_CHECK(kConfig, most <= Average::kSourcesMaxOnGpu, "{} replicas on one GPU, at most {} are averaged there", most,
              Average::kSourcesMaxOnGpu);
  run_on(handle_, op);
}

std::unique_ptr<Backend> make_cuda_backend(Stream& stream, const BackendOptions& options) {
  use_device(stream.device().index);
  auto backend = std::make_unique<CudaBackend>(stream, options);
  if (options.op_times) return std::make_unique<OpClock>(std::move(backend));
  return backend;
}

}  // namespace drift
