// The option-A shortcut: one warp per pixel.
#include "kernels/cuda/pool.h"
#include "kernels/launch/for_each_cuda.cuh"
#include "kernels/math/shortcut.h"
#include "kernels/with_type.h"

namespace drift {
namespace {

ShortcutGeometry geometry(std::int64_t stride, const Shape& in, const Shape& out) {
  return {stride, in[1], in[2], out[1], out[2], in[3], out[3]};
}

}  // namespace

void shortcut_forward_on(cudaStream_t stream, std::int64_t stride, const TensorView& x, const TensorView& y) {
  with_type(x.dtype, [&]<class T>(T) {
    for_each_warp(stream, y.shape.rows(), ShortcutForward<T>{x.as<T>(), y.as<T>(), geometry(stride, x.shape, y.shape)});
  });
}

void shortcut_backward_on(cudaStream_t stream, std::int64_t stride, const TensorView& dy, const TensorView& dx) {
  with_type(dy.dtype, [&]<class T>(T) {
    for_each_warp(stream, dx.shape.rows(),
                  ShortcutBackward<T>{dy.as<T>(), dx.as<T>(), geometry(stride, dx.shape, dy.shape)});
  });
}

}  // namespace drift
