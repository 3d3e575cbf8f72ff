// CudnnContext: what the cuDNN operations of one backend share: handle, stream, workspace and the plans of its device.
#pragma once

#include <cuda_runtime_api.h>
#include <unordered_map>

#include "kernels/backend.h"
#include "kernels/cuda/cudnn/plan_cache.h"
#include "kernels/cuda/workspace.h"

namespace drift {

class CudnnContext {
 public:
  CudnnContext(Stream& stream, CudaWorkspace& workspace, const BackendOptions& options);
  ~CudnnContext();
  CudnnContext(const CudnnContext&) = delete;
  CudnnContext& operator=(const CudnnContext&) = delete;

  const Plan& plan(const GraphRequest& request);
  // `scratch` has the plan's workspace_bytes.
  void run(const Plan& plan, std::span<const Binding> bindings, std::byte* scratch);

  cudaStream_t stream() const { return stream_; }
  CudaWorkspace& workspace() { return workspace_; }
  bool tf32() const { return tf32_; }
  std::int64_t batch_norm_multiprocessors() const { return batch_norm_multiprocessors_; }  // 0: all

 private:
  Device device_;
  cudaStream_t stream_;
  CudaWorkspace& workspace_;
  bool tf32_;
  PlanCache::Explain explain_;
  PlanTarget target_;
  std::int64_t batch_norm_multiprocessors_ = 0;
  std::shared_ptr<PlanCache> cache_;
  std::unordered_map<std::string, const Plan*> plans_;  // those of the cache used before, found without its lock
};

}  // namespace drift
