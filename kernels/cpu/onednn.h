// What we use of oneDNN: one process-wide engine, memory descriptors for our layouts, primitives whose descriptors are
// made alike with the 2.x and 3.x interfaces, and errors that name the operation and its shapes.
#pragma once

#include <dnnl.hpp>
#include <mutex>
#include <string>
#include <utility>

#include "core/check.h"
#include "core/memory_reserve.h"
#include "kernels/tensor_view.h"

namespace drift::onednn {

dnnl::engine& engine();

dnnl::memory::data_type type_of(DType dtype);

// NHWC activations, [O,k,k,I] weights and [C] vectors under oneDNN's logical order of dimensions.
dnnl::memory::desc image(const TensorView& view);
dnnl::memory::desc any_layout(const TensorView& weights, DType dtype);
dnnl::memory::desc weights(const TensorView& view);
dnnl::memory::desc vector(const TensorView& view);
// [rows, columns], row after row; transposed: the logical matrix is the view's transpose.
dnnl::memory::desc matrix(const TensorView& view, bool transposed = false);

// Scratch memory is ours (the backend's workspace): primitives may then run on another thread than made them.
dnnl::primitive_attr user_scratchpad();

// The descriptor of a primitive: through Primitive::desc in oneDNN 2.x, directly in 3.x.
template <class Primitive, class... Args>
typename Primitive::primitive_desc describe(const Args&... args) {
#if DNNL_VERSION_MAJOR >= 3
  return typename Primitive::primitive_desc(engine(), args..., user_scratchpad());
#else
  return typename Primitive::primitive_desc(typename Primitive::desc(args...), user_scratchpad(), engine());
#endif
}

// The same for backward operations, which want the forward's primitive descriptor as a hint.
template <class Primitive, class Hint, class... Args>
typename Primitive::primitive_desc describe_backward(const Hint& hint, const Args&... args) {
#if DNNL_VERSION_MAJOR >= 3
  return typename Primitive::primitive_desc(engine(), args..., hint, user_scratchpad());
#else
  return typename Primitive::primitive_desc(typename Primitive::desc(args...), user_scratchpad(), engine(), hint);
#endif
}

// Runs `body`; a oneDNN failure becomes a kDevice error that says what was being done (text: made only then).
template <class Body, class Text>
void checked(const Body& body, const Text& text) {
  try {
    body();
  } catch (const dnnl::error& error) {
    DRIFT_FAIL(kDevice, "oneDNN {}.{} failed in {}: {} (status {})", DNNL_VERSION_MAJOR, DNNL_VERSION_MINOR, text(),
               error.what(), static_cast<int>(error.status));
  }
}

// Throws OutOfMemory.
void require_room_for_code();

// Runs `make`, which makes primitives: oneDNN writes code for each, and writes on where it got no memory for it. So
// nobody else takes any meanwhile. May throw OutOfMemory.
template <class Make, class Text>
void made(const Make& make, const Text& text) {
  const std::lock_guard alone(taking_memory());
  require_room_for_code();
  checked(make, text);
}

}  // namespace drift::onednn
