// Max and average pooling.
#include "kernels/cuda/own_kernels.h"
#include "kernels/launch/for_each_cuda.cuh"
#include "kernels/launch/row_spaces.h"
#include "kernels/math/pool.h"
#include "kernels/with_type.h"

namespace drift {

void run_on(cudaStream_t stream, const PoolForward& op) {
  with_type(op.x.dtype, [&]<class T>(T) {
    const PoolGeometry g = PoolGeometry::of(op.window, op.x.shape, op.y.shape);
    const RowSpace space{1, op.y.shape.rows(), g.columns};
    if (op.pooling == Pooling::kMax) {
      const auto pool = packed<MaxPoolForward<T>>(g, op.x.as<T>(), op.y.as<T>(), op.index.as<std::uint8_t>());
      for_each_row_packet(stream, space, pool);
    } else {
      for_each_row_packet(stream, space, packed<AveragePoolForward<T>>(g, op.x.as<T>(), op.y.as<T>()));
    }
  });
}

void run_on(cudaStream_t stream, const PoolBackward& op) {
  with_type(op.dy.dtype, [&]<class T>(T) {
    const PoolGeometry g = PoolGeometry::of(op.window, op.dx.shape, op.dy.shape);
    const RowSpace space{1, op.dx.shape.rows(), g.columns};
    const std::uint8_t* index = op.pooling == Pooling::kMax ? op.index.as<std::uint8_t>() : nullptr;
    for_each_row_packet(stream, space, packed<PoolBackwardGather<T>>(g, op.dy.as<T>(), index, op.dx.as<T>()));
  });
}

void run_on(cudaStream_t stream, const GlobalAveragePoolBackward& op) {
  with_type(op.dy.dtype, [&]<class T>(T) {
    const RowSpace space = samples_of(op.dx);
    const float scale = 1.0f / static_cast<float>(space.rows);
    for_each_row_packet(stream, space,
                        packed<GlobalAveragePoolBackwardMap<T>>(op.dy.as<T>(), op.dx.as<T>(), scale, space.columns));
  });
}

}  // namespace drift
