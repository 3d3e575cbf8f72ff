// Our own kernels, enqueued on a stream: a run_on() for each operation that no library does, or not for all shapes.
// Those that need scratch memory take the workspace. Contracts in kernels/op.h.
#pragma once

#include <cstdint>
#include <cuda_runtime_api.h>

#include "kernels/cuda/workspace.h"
#include "kernels/op.h"

namespace drift {

// Convolutions that are narrow (narrow_convolution.h), without dbias.
void run_on(cudaStream_t stream, const Conv2dForward& op);
void run_on(cudaStream_t stream, const Conv2dBackwardData& op);
void run_on(cudaStream_t stream, CudaWorkspace& workspace, const Conv2dBackwardWeights& op);
void run_on(cudaStream_t stream, const Fill& op);
void run_on(cudaStream_t stream, const Cast& op);
void run_on(cudaStream_t stream, CudaWorkspace& workspace, const BatchNormForward& op);
void run_on(cudaStream_t stream, CudaWorkspace& workspace, const BatchNormInference& op);
void run_on(cudaStream_t stream, CudaWorkspace& workspace, const BatchNormBackward& op);
void run_on(cudaStream_t stream, CudaWorkspace& workspace, const GroupNormForward& op);
void run_on(cudaStream_t stream, CudaWorkspace& workspace, const GroupNormBackward& op);
void run_on(cudaStream_t stream, const ActivationForward& op);
void run_on(cudaStream_t stream, const ActivationBackward& op);
void run_on(cudaStream_t stream, const Add& op);
void run_on(cudaStream_t stream, const ShortcutForward& op);
void run_on(cudaStream_t stream, const ShortcutBackward& op);
void run_on(cudaStream_t stream, const PoolForward& op);
void run_on(cudaStream_t stream, const PoolBackward& op);
void run_on(cudaStream_t stream, CudaWorkspace& workspace, const GlobalAveragePoolForward& op);
void run_on(cudaStream_t stream, const GlobalAveragePoolBackward& op);
void run_on(cudaStream_t stream, CudaWorkspace& workspace, const SoftmaxCrossEntropy& op);
void run_on(cudaStream_t stream, CudaWorkspace& workspace, const ClipScale& op);
void run_on(cudaStream_t stream, const SgdUpdate& op);
void run_on(cudaStream_t stream, const OuterUpdate& op);
void run_on(cudaStream_t stream, const Compress& op);
void run_on(cudaStream_t stream, const Average& op);
void run_on(cudaStream_t stream, CudaWorkspace& workspace, const CountNonFinite& op);
void run_on(cudaStream_t stream, CudaWorkspace& workspace, const SquaredDistance& op);
void run_on(cudaStream_t stream, const Augment& op);
void run_on(cudaStream_t stream, const Stamp& op);

// What operations of the libraries leave to us: a copy of `view` at `to` in that type, or the view itself if it has it;
// and dbias = the column sums of dy, T [..., O].
TensorView as_type_on(cudaStream_t stream, const TensorView& view, DType dtype, std::byte* to);
void bias_gradient_on(cudaStream_t stream, CudaWorkspace& workspace, const TensorView& dy, const TensorView& dbias);

// Nothing else happens on the stream for so long: the host can enqueue meanwhile what is to run in one go.
void hold_on(cudaStream_t stream, std::int64_t nanoseconds);

}  // namespace drift
