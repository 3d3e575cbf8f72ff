// What is nothing but column sums: the global average and bias gradients.
#include "kernels/cuda/pool.h"
#include "kernels/launch/column_sums_cuda.cuh"
#include "kernels/math/pool.h"
#include "kernels/with_type.h"

namespace drift {

void global_average_pool_forward_on(cudaStream_t stream, CudaWorkspace& workspace, const TensorView& x,
                                    const TensorView& y) {
  with_type(x.dtype, [&]<class T>(T) {
    const RowSpace space{x.shape[0], x.shape[1] * x.shape[2], x.shape[3]};
    float* const partials = workspace.floats(column_sums_workspace<PlainSums<T>>(space));
    column_sums(stream, space, packed<PlainSums<T>>(x.as<T>(), space.columns), partials,
                StoreMean<T>{y.as<T>(), space.columns, static_cast<double>(space.rows)});
  });
}

void bias_gradient_on(cudaStream_t stream, CudaWorkspace& workspace, const TensorView& dy, const TensorView& dbias) {
  with_type(dy.dtype, [&]<class T>(T) {
    const RowSpace space{1, dy.shape.rows(), dy.shape.channels()};
    float* const partials = workspace.floats(column_sums_workspace<PlainSums<T>>(space));
    column_sums(stream, space, packed<PlainSums<T>>(dy.as<T>(), space.columns), partials,
                StoreTotal{dbias.as<float>()});
  });
}

}  // namespace drift
