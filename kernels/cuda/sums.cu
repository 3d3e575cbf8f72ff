// What is nothing but column sums: the global average, bias gradients, the count of what is not finite, the norm that
// gradients are clipped by, the distance of arenas.
#include "kernels/cuda/own_kernels.h"
#include "kernels/launch/column_sums_cuda.cuh"
#include "kernels/launch/row_spaces.h"
#include "kernels/math/clip.h"
#include "kernels/math/distance.h"
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
template <class Terms, class Finish, class... Values>
void sum_of_values(cudaStream_t stream, CudaWorkspace& workspace, std::size_t count, const Finish& finish,
                   const Values*... values) {
  const RowSpace space{1, static_cast<std::int64_t>(count), 1};
  float* const partials = workspace.floats(column_sums_workspace<Terms>(space));
  column_sums(stream, space, packed<Terms>(values..., space.columns), partials, finish);
}

void run_on(cudaStream_t stream, CudaWorkspace& workspace, const CountNonFinite& op) {
  sum_of_values<NonFiniteOnes>(stream, workspace, op.values.size(), StoreTotal{op.result.as<float>()},
                               op.values.data());
}

void run_on(cudaStream_t stream, CudaWorkspace& workspace, const SquaredDistance& op) {
  sum_of_values<SquaredDifferences>(stream, workspace, op.a.size(), StoreTotal{op.result.as<float>()}, op.a.data(),
                                    op.b.data());
}

void run_on(cudaStream_t stream, CudaWorkspace& workspace, const ClipScale& op) {
  sum_of_values<Squares>(stream, workspace, op.values.size(), StoreClipScale{op.result.as<float>(), op.max_norm},
                         op.values.data());
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
