// The option-A shortcut.
#include "kernels/cuda/own_kernels.h"
#include "kernels/launch/for_each_cuda.cuh"
#include "kernels/math/shortcut.h"
#include "kernels/with_type.h"

namespace drift {

void run_on(cudaStream_t stream, const ShortcutForward& op) {
  with_type(op.x.dtype, [&]<class T>(T) {
    const ShortcutGeometry g = ShortcutGeometry::of(op.stride, op.x.shape, op.y.shape);
    auto map = packed<ShortcutForwardMap<T>>(g, op.x.as<T>(), op.y.as<T>());
    map.aligned = map.aligned && g.keeps_packets();
    for_each_row_packet(stream, {1, op.y.shape.rows(), g.out_channels}, map);
  });
}

void run_on(cudaStream_t stream, const ShortcutBackward& op) {
  with_type(op.dy.dtype, [&]<class T>(T) {
    const ShortcutGeometry g = ShortcutGeometry::of(op.stride, op.dx.shape, op.dy.shape);
    auto map = packed<ShortcutBackwardMap<T>>(g, op.dy.as<T>(), op.dx.as<T>());
    map.aligned = map.aligned && g.keeps_packets();
    for_each_row_packet(stream, {1, op.dx.shape.rows(), g.in_channels}, map);
  });
}

}  // namespace drift
