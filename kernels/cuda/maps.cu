// Fill, cast, addition and activations.
#include "kernels/cuda/maps.h"
#include "kernels/launch/for_each_cuda.cuh"
#include "kernels/math/elementwise.h"
#include "kernels/with_type.h"

namespace drift {

void fill_on(cudaStream_t stream, const TensorView& y, float value) {
  with_type(y.dtype, [&]<class T>(T) { for_each_packet(stream, y.elements(), packed<Fill<T>>(y.as<T>(), value)); });
}

void cast_on(cudaStream_t stream, const TensorView& x, const TensorView& y) {
  with_type(x.dtype, [&]<class From>(From) {
    with_type(y.dtype, [&]<class To>(To) {
      for_each_packet(stream, x.elements(), packed<Cast<From, To>>(x.as<From>(), y.as<To>()));
    });
  });
}

TensorView as_type_on(cudaStream_t stream, const TensorView& view, DType dtype, std::byte* to) {
  if (view.dtype == dtype) return view;
  const TensorView copy{to, view.shape, dtype};
  cast_on(stream, view, copy);
  return copy;
}

void add_on(cudaStream_t stream, const TensorView& a, const TensorView& b, const TensorView& y) {
  with_type(a.dtype, [&]<class T>(T) {
    for_each_packet(stream, a.elements(), packed<Add<T>>(a.as<T>(), b.as<T>(), y.as<T>()));
  });
}

void activation_forward_on(cudaStream_t stream, Activation kind, const TensorView& x, const TensorView& y) {
  with_type(x.dtype, [&]<class T>(T) {
    if (kind == Activation::kRelu) {
      for_each_packet(stream, x.elements(), packed<ReluForward<T>>(x.as<T>(), y.as<T>()));
    } else {
      for_each_packet(stream, x.elements(), packed<SiluForward<T>>(x.as<T>(), y.as<T>()));
    }
  });
}

void activation_backward_on(cudaStream_t stream, Activation kind, const TensorView& saved, const TensorView& dy,
                            const TensorView& dx) {
  with_type(dy.dtype, [&]<class T>(T) {
    if (kind == Activation::kRelu) {
      for_each_packet(stream, dy.elements(), packed<ReluBackward<T>>(saved.as<T>(), dy.as<T>(), dx.as<T>()));
    } else {
      for_each_packet(stream, dy.elements(), packed<SiluBackward<T>>(saved.as<T>(), dy.as<T>(), dx.as<T>()));
    }
  });
}

}  // namespace drift
