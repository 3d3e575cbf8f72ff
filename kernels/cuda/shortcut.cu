// The option-A shortcut.
#include "kernels/cuda/pool.h"
#include "kernels/launch/for_each_cuda.cuh"
#include "kernels/math/shortcut.h"
#include "kernels/with_type.h"

namespace drift {

void shortcut_forward_on(cudaStream_t stream, std::int64_t stride, const TensorView& x, const TensorView& y) {
  with_type(x.dtype, [&]<class T>(T) {
    const ShortcutGeometry g = ShortcutGeometry::of(stride, x.shape, y.shape);
    auto map = packed<ShortcutForward<T>>(g, x.as<T>(), y.as<T>());
    map.aligned = map.aligned && g.keeps_packets();
    for_each_row_packet(stream, {1, y.shape.rows(), g.out_channels}, map);
  });
}

void shortcut_backward_on(cudaStream_t stream, std::int64_t stride, const TensorView& dy, const TensorView& dx) {
  with_type(dy.dtype, [&]<class T>(T) {
    const ShortcutGeometry g = ShortcutGeometry::of(stride, dx.shape, dy.shape);
    auto map = packed<ShortcutBackward<T>>(g, dy.as<T>(), dx.as<T>());
    map.aligned = map.aligned && g.keeps_packets();
    for_each_row_packet(stream, {1, dx.shape.rows(), g.in_channels}, map);
  });
}

}  // namespace drift
