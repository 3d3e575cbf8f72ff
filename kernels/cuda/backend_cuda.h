// The CUDA backend: cuDNN for convolution and batch norm, cuBLASLt for the linear layer, our own kernels for everything
// else and for batch norms that cuDNN does not take. Everything is enqueued on one stream and nothing waits, except
// `download` and an `upload` that finds the staging ring full; so a whole step can be captured.
#pragma once

#include "kernels/backend.h"
#include "kernels/cuda/cublaslt/linear.h"
#include "kernels/cuda/cudnn/batch_norm.h"
#include "kernels/cuda/cudnn/context.h"
#include "kernels/cuda/cudnn/convolution.h"
#include "kernels/cuda/device_cuda.h"
#include "kernels/cuda/op_clock.h"
#include "kernels/cuda/staging.h"
#include "kernels/cuda/workspace.h"

namespace drift {

class CudaBackend final : public Backend {
 public:
  CudaBackend(Stream& stream, const BackendOptions& options);
  ~CudaBackend() override;

  Stream& stream() override { return stream_; }
  void begin_span(std::string_view name) override;
  void end_span() override;
  std::map<std::string, OpTime> op_times() override;
  void copy(const TensorView& from, const TensorView& to) override;
  void upload(const void* host, const TensorView& to) override;
  void download(const TensorView& from, void* host) override;
  void download_async(const TensorView& from, const HostMemory& to) override;
  void fill(const TensorView& y, float value) override;
  void cast(const TensorView& x, const TensorView& y) override;
  void conv2d_forward(const Conv2dForward& args) override;
  void conv2d_backward_data(const Conv2dBackwardData& args) override;
  void conv2d_backward_weights(const Conv2dBackwardWeights& args) override;
  void linear_forward(const LinearForward& args) override;
  void linear_backward(const LinearBackward& args) override;
  void batch_norm_forward(const BatchNormForward& args) override;
  void batch_norm_inference(const BatchNormInference& args) override;
  void batch_norm_backward(const BatchNormBackward& args) override;
  void group_norm_forward(const GroupNormForward& args) override;
  void group_norm_backward(const GroupNormBackward& args) override;
  void activation_forward(Activation kind, const TensorView& x, const TensorView& y) override;
  void activation_backward(Activation kind, const TensorView& saved, const TensorView& dy,
                           const TensorView& dx) override;
  void add(const TensorView& a, const TensorView& b, const TensorView& y) override;
  void shortcut_forward(std::int64_t stride, const TensorView& x, const TensorView& y) override;
  void shortcut_backward(std::int64_t stride, const TensorView& dy, const TensorView& dx) override;
  void pool_forward(const PoolForward& args) override;
  void pool_backward(const PoolBackward& args) override;
  void global_average_pool_forward(const TensorView& x, const TensorView& y) override;
  void global_average_pool_backward(const TensorView& dy, const TensorView& dx) override;
  void softmax_cross_entropy(const SoftmaxCrossEntropy& args) override;
  void sgd_update(const SgdUpdate& args) override;
  void average(std::span<float* const> replicas, std::int64_t n) override;
  void augment(const Augment& args) override;

 private:
  class OpScope;

  Stream& stream_;
  cudaStream_t handle_;
  StagingRing staging_;
  CudaWorkspace workspace_;
  CudnnContext cudnn_;
  CudnnConvolutions convolutions_;
  CudnnBatchNorms batch_norms_;
  CublasLtLinears linears_;
  std::unique_ptr<OpClock> clock_;  // nullptr: nobody asked for times
};

}  // namespace drift
