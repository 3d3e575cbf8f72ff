// Max and average pooling.
#include "kernels/cuda/pool.h"
#include "kernels/launch/for_each_cuda.cuh"
#include "kernels/math/pool.h"
#include "kernels/with_type.h"

namespace drift {
void pool_forward_on(cudaStream_t stream, const PoolForward& args) {
  with_type(args.x.dtype, [&]<class T>(T) {
    const PoolGeometry g = PoolGeometry::of(args.window, args.x.shape, args.y.shape);
    const RowSpace space{1, args.y.shape.rows(), g.columns};
    if (args.pooling == Pooling::kMax) {
      const auto pool = packed<MaxPoolForward<T>>(g, args.x.as<T>(), args.y.as<T>(), args.index.as<std::uint8_t>());
      for_each_row_packet(stream, space, pool);
    } else {
      for_each_row_packet(stream, space, packed<AveragePoolForward<T>>(g, args.x.as<T>(), args.y.as<T>()));
    }
  });
}

void pool_backward_on(cudaStream_t stream, const PoolBackward& args) {
  with_type(args.dy.dtype, [&]<class T>(T) {
    const PoolGeometry g = PoolGeometry::of(args.window, args.dx.shape, args.dy.shape);
    const RowSpace space{1, args.dx.shape.rows(), g.columns};
    const std::uint8_t* index = args.pooling == Pooling::kMax ? args.index.as<std::uint8_t>() : nullptr;
    for_each_row_packet(stream, space, packed<PoolBackwardGather<T>>(g, args.dy.as<T>(), index, args.dx.as<T>()));
  });
}

void global_average_pool_backward_on(cudaStream_t stream, const TensorView& dy, const TensorView& dx) {
  with_type(dy.dtype, [&]<class T>(T) {
    const RowSpace space{dx.shape[0], dx.shape[1] * dx.shape[2], dx.shape[3]};
    const float scale = 1.0f / static_cast<float>(space.rows);
    for_each_row_packet(stream, space,
                        packed<GlobalAveragePoolBackward<T>>(dy.as<T>(), dx.as<T>(), scale, space.columns));
  });
}

}  // namespace drift
