// Fill, cast, addition and activations.
#include "kernels/cuda/own_kernels.h"
#include "kernels/launch/for_each_cuda.cuh"
#include "kernels/math/elementwise.h"
#include "kernels/with_type.h"

namespace drift {

void run_on(cudaStream_t stream, const Fill& op) {
  with_type(op.y.dtype,
            [&]<class T>(T) { for_each_packet(stream, op.y.elements(), packed<FillMap<T>>(op.y.as<T>(), op.value)); });
}

void run_on(cudaStream_t stream, const Cast& op) {
  with_type(op.x.dtype, [&]<class From>(From) {
    with_type(op.y.dtype, [&]<class To>(To) {
      for_each_packet(stream, op.x.elements(), packed<CastMap<From, To>>(op.x.as<From>(), op.y.as<To>()));
    });
  });
}

TensorView as_type_on(cudaStream_t stream, const TensorView& view, DType dtype, std::byte* to) {
  if (view.dtype == dtype) return view;
  const TensorView copy{to, view.shape, dtype};
  run_on(stream, Cast{view, copy});
  return copy;
}

void run_on(cudaStream_t stream, const Add& op) {
  with_type(op.a.dtype, [&]<class T>(T) {
    for_each_packet(stream, op.a.elements(), packed<AddMap<T>>(op.a.as<T>(), op.b.as<T>(), op.y.as<T>()));
  });
}

void run_on(cudaStream_t stream, const ActivationForward& op) {
  with_type(op.x.dtype, [&]<class T>(T) {
    if (op.kind == Activation::kRelu) {
      for_each_packet(stream, op.x.elements(), packed<ReluForward<T>>(op.x.as<T>(), op.y.as<T>()));
    } else {
      for_each_packet(stream, op.x.elements(), packed<SiluForward<T>>(op.x.as<T>(), op.y.as<T>()));
    }
  });
}

void run_on(cudaStream_t stream, const ActivationBackward& op) {
  with_type(op.dy.dtype, [&]<class T>(T) {
    const T *saved = op.saved.as<T>(), *dy = op.dy.as<T>();
    if (op.kind == Activation::kRelu) {
      for_each_packet(stream, op.dy.elements(), packed<ReluBackward<T>>(saved, dy, op.dx.as<T>()));
    } else {
      for_each_packet(stream, op.dy.elements(), packed<SiluBackward<T>>(saved, dy, op.dx.as<T>()));
    }
  });
}

}  // namespace drift
