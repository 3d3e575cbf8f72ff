// Our own kernels at both ends of a training step, enqueued on a stream: the batch, the loss, the update and the
// average. Contracts in kernels/backend.h.
#pragma once

#include <cuda_runtime_api.h>
#include <span>

#include "kernels/args.h"
#include "kernels/cuda/workspace.h"

namespace drift {

void augment_on(cudaStream_t stream, const Augment& args);
void softmax_cross_entropy_on(cudaStream_t stream, CudaWorkspace& workspace, const SoftmaxCrossEntropy& args);
void sgd_update_on(cudaStream_t stream, const SgdUpdate& args);

// Replicas that one GPU can average: their addresses travel as an argument of the kernel.
inline constexpr int kMaxReplicas = 127;
void average_on(cudaStream_t stream, std::span<float* const> replicas, std::int64_t n);

}  // namespace drift
