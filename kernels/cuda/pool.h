// Our own kernels that change an image's extent or channels, enqueued on a stream; contracts in kernels/backend.h.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/args.h"
#include "kernels/cuda/workspace.h"

namespace drift {

void pool_forward_on(cudaStream_t stream, const PoolForward& args);
void pool_backward_on(cudaStream_t stream, const PoolBackward& args);
void global_average_pool_forward_on(cudaStream_t stream, CudaWorkspace& workspace, const TensorView& x,
                                    const TensorView& y);
void global_average_pool_backward_on(cudaStream_t stream, const TensorView& dy, const TensorView& dx);
void shortcut_forward_on(cudaStream_t stream, std::int64_t stride, const TensorView& x, const TensorView& y);
void shortcut_backward_on(cudaStream_t stream, std::int64_t stride, const TensorView& dy, const TensorView& dx);

// dbias = the column sums of dy, T [..., O].
void bias_gradient_on(cudaStream_t stream, CudaWorkspace& workspace, const TensorView& dy, const TensorView& dbias);

}  // namespace drift
