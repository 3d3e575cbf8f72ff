#include "kernels/cuda/cudnn/context.h"

#include "kernels/cuda.h"
#include "kernels/cuda/check_cuda.h"
#include "kernels/cuda/cudnn/check_cudnn.h"
#include "kernels/cuda/device_cuda.h"
#include "kernels/device_watch.h"

namespace drift {
namespace {

std::shared_ptr<cudnnContext> make_handle(Device device, cudaStream_t stream) {
  cudnnHandle_t handle = nullptr;
  DRIFT_CUDNN(cudnnCreate(&handle), "cuDNN on {}", to_string(device));
  std::shared_ptr<cudnnContext> owner(handle, [](cudnnHandle_t old) {
    if (!device_watch().gave_up()) warn_cudnn(cudnnDestroy(old), "cudnnDestroy");
  });
  DRIFT_CUDNN(cudnnSetStream(handle, stream), "cuDNN on {}", to_string(device));
  return owner;
}

}  // namespace

CudnnContext::CudnnContext(Stream& stream, CudaWorkspace& workspace, const BackendOptions& options)
    : device_(stream.device()),
      stream_(cuda_handle(stream)),
      workspace_(workspace),
      tf32_(options.tf32),
      explain_(options.explain_plan) {
  int multiprocessors = 0;
  DRIFT_CUDA(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device_.index), "cuDNN on {}",
             to_string(device_));
  target_.device = cuda_device_name(device_.index);
  target_.architecture = compute_capability(device_.index);
  target_.multiprocessors = multiprocessors;
  batch_norm_multiprocessors_ = drift::batch_norm_multiprocessors(target_, options);
  target_.handle = make_handle(device_, stream_);
  target_.place = device_;
  target_.timed = options.time_plans;
  cache_ = PlanCache::shared(to_string(device_), target_.device, options.plan_file);
}

// Plans that this handle made may keep it longer than the stream lives.
CudnnContext::~CudnnContext() {
  if (!device_watch().gave_up()) warn_cudnn(cudnnSetStream(target_.handle.get(), nullptr), "cudnnSetStream");
}

const Plan& CudnnContext::plan(const GraphRequest& request) {
  const Plan*& known = plans_[key_of(request)];
  if (known == nullptr) {
    known = &cache_->plan(request, target_, explain_);
    cudaGetLastError();  // of engines that cuDNN tried in vain: our next launch would report it as its own
  }
  return *known;
}

void CudnnContext::run(const Plan& plan, std::span<const Binding> bindings, std::byte* scratch) {
  plan.execute(target_.handle.get(), bindings, scratch);
}

}  // namespace drift
