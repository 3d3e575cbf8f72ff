// What is nothing but column sums: the global average, bias gradients, the count of what is not finite, the norm that
// gradients are clipped by.
#include "kernels/cuda/own_kernels.h"
#include "kernels/launch/column_sums_cuda.cuh"
#include "kernels/launch/row_spaces.h"
#include "kernels/math/clip.h"
#include "kernels/math/finite.h"
#include "kernels/math/pool.h"
#include "kernels/with_type.h"

namespace drift {

void run_on(cudaStream_t stream, CudaWorkspace& workspace, const GlobalAveragePoolForward& op) {
  with_type(op.x.dtype, [&]<class T>(T) {
    const RowSpace space = samples_of(op.x);
    float* const partials = workspace.floats(column_sums_workspace<PlainSums<T>>(space));
    column_sums(stream, space, packed<PlainSums<T>>(op.x.as<T>(), space.columns), partials,
                StoreMean<T>{op.y.as<T>(), space.columns, static_cast<double>(space.rows)});
  });
}

// The sum of a term of each value. One column: neighbouring threads read neighbouring values.
template <class Terms, class Finish>
void sum_of_values(cudaStream_t stream, CudaWorkspace& workspace, std::span<const float> values, const Finish& finish) {
  const RowSpace space{1, static_cast<std::int64_t>(values.size()), 1};
  float* const partials = workspace.floats(column_sums_workspace<Terms>(space));
  column_sums(stream, space, packed<Terms>(values.data(), space.columns), partials, finish);
}

void run_on(cudaStream_t stream, CudaWorkspace& workspace, const CountNonFinite& op) {
  sum_of_values<NonFiniteOnes>(stream, workspace, op.values, StoreTotal{op.result.as<float>()});
}

void run_on(cudaStream_t stream, CudaWorkspace& workspace, const ClipScale& op) {
  sum_of_values<Squares>(stream, workspace, op.values, StoreClipScale{op.result.as<float>(), op.max_norm});
}

void bias_gradient_on(cudaStream_t stream, CudaWorkspace& workspace, const TensorView& dy, const TensorView& dbias) {
  with_type(dy.dtype, [&]<class T>(T) {
    const RowSpace space = rows_of(dy);
    float* const partials = workspace.floats(column_sums_workspace<PlainSums<T>>(space));
    column_sums(stream, space, packed<PlainSums<T>>(dy.as<T>(), space.columns), partials,
                StoreTotal{dbias.as<float>()});
  });
}

}  // namespace drift
