// Our own kernels on flat arrays, enqueued on a stream; contracts in kernels/backend.h.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/args.h"

namespace drift {

void fill_on(cudaStream_t stream, const TensorView& y, float value);
void cast_on(cudaStream_t stream, const TensorView& x, const TensorView& y);
// A copy of `view` at `to` in that type, or the view itself if it has it.
TensorView as_type_on(cudaStream_t stream, const TensorView& view, DType dtype, std::byte* to);
void add_on(cudaStream_t stream, const TensorView& a, const TensorView& b, const TensorView& y);
void activation_forward_on(cudaStream_t stream, Activation kind, const TensorView& x, const TensorView& y);
void activation_backward_on(cudaStream_t stream, Activation kind, const TensorView& saved, const TensorView& dy,
                            const TensorView& dx);

}  // namespace drift
