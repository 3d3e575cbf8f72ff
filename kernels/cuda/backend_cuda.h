// The CUDA backend: cuDNN for convolution but for narrow ones, cuBLASLt for the linear layer, our own kernels for
// everything else; batch norms that cuDNN takes are cuDNN's where BackendOptions::batch_norm asks for it. Everything is
// enqueued on one stream and nothing waits, except `download` and an `upload` that finds the staging ring full; so a
// whole step can be captured.
#pragma once

#include "kernels/backend.h"
#include "kernels/cuda/cublaslt/linear.h"
#include "kernels/cuda/cudnn/batch_norm.h"
#include "kernels/cuda/cudnn/context.h"
#include "kernels/cuda/cudnn/convolution.h"
#include "kernels/cuda/device_cuda.h"
#include "kernels/cuda/own_kernels.h"
#include "kernels/cuda/staging.h"
#include "kernels/cuda/workspace.h"

namespace drift {

class CudaBackend final : public Backend {
 public:
  CudaBackend(Stream& stream, const BackendOptions& options);
  ~CudaBackend() override;

  Stream& stream() override { return stream_; }
  void run(const Op& op) override;
  bool adds_to_gradient(const Conv2dBackwardData& op) const override;
  void begin_span(std::string_view name) override;
  void end_span() override;
  std::string_view last_span() const override { return last_span_; }

 private:
  void enqueue(const Copy& op);
  void enqueue(const Upload& op);
  void enqueue(const Download& op);
  void enqueue(const DownloadAsync& op);
  void enqueue(const Conv2dForward& op);
  void enqueue(const Conv2dBackwardData& op);
  void enqueue(const Conv2dBackwardWeights& op);
  void enqueue(const LinearForward& op);
  void enqueue(const LinearBackward& op);
  void enqueue(const BatchNormForward& op);
  void enqueue(const BatchNormBackward& op);
  void enqueue(const Average& op);
  // All others are kernels of our own.
  template <class Args>
  void enqueue(const Args& op) {
    if constexpr (requires { run_on(handle_, op); }) {
      run_on(handle_, op);
    } else {
      run_on(handle_, workspace_, op);
    }
  }

  Stream& stream_;
  cudaStream_t handle_;
  std::string last_span_;
  StagingRing staging_;
  CudaWorkspace workspace_;
  bool cudnn_batch_norm_;
  CudnnContext cudnn_;
  CudnnConvolutions convolutions_;
  CudnnBatchNorms batch_norms_;
  CublasLtLinears linears_;
};

}  // namespace drift
