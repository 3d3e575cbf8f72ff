// Our own kernels for batch and group normalisation, enqueued on a stream; contracts in kernels/args.h. They take any
// number of channels.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/args.h"
#include "kernels/cuda/workspace.h"

namespace drift {

void batch_norm_forward_on(cudaStream_t stream, CudaWorkspace& workspace, const BatchNormForward& args);
void batch_norm_inference_on(cudaStream_t stream, CudaWorkspace& workspace, const BatchNormInference& args);
void batch_norm_backward_on(cudaStream_t stream, CudaWorkspace& workspace, const BatchNormBackward& args);
void group_norm_forward_on(cudaStream_t stream, CudaWorkspace& workspace, const GroupNormForward& args);
void group_norm_backward_on(cudaStream_t stream, CudaWorkspace& workspace, const GroupNormBackward& args);

}  // namespace drift
