#include "kernels/cpu/onednn.h"

#include <sys/mman.h>

#include "kernels/device.h"

namespace drift::onednn {

using dnnl::memory;

dnnl::engine& engine() {
  static dnnl::engine instance(dnnl::engine::kind::cpu, 0);
  return instance;
}

void require_room_for_code() {
  constexpr std::size_t kBytes = 32 << 20;  // some hundred kernels
  void* const room = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room != MAP_FAILED) {
    munmap(room, kBytes);
    return;
  }
  memory_has_run_out_here();
  throw OutOfMemory(
      fmt::format("out of memory on cpu: oneDNN makes code for a layer, and less than {} bytes are left", kBytes));
}

memory::data_type type_of(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return memory::data_type::f32;
    case DType::kBFloat16:
      return memory::data_type::bf16;
    case DType::kUint8:
      return memory::data_type::u8;
    case DType::kInt32:
      return memory::data_type::s32;
    case DType::kInt64:
      break;
  }
  return memory::data_type::undef;
}

memory::desc image(const TensorView& view) {
  const Shape& s = view.shape;
  return {{s[0], s[3], s[1], s[2]}, type_of(view.dtype), memory::format_tag::nhwc};
}

memory::desc any_layout(const TensorView& weights, DType dtype) {
  const Shape& s = weights.shape;
  return {{s[0], s[3], s[1], s[2]}, type_of(dtype), memory::format_tag::any};
}

memory::desc weights(const TensorView& view) {
  const Shape& s = view.shape;
  return {{s[0], s[3], s[1], s[2]}, type_of(view.dtype), memory::format_tag::ohwi};
}

memory::desc vector(const TensorView& view) {
  return {{view.elements()}, type_of(view.dtype), memory::format_tag::x};
}

memory::desc matrix(const TensorView& view, bool transposed) {
  const std::int64_t rows = view.shape[0], columns = view.shape[1];
  if (transposed) return {{columns, rows}, type_of(view.dtype), memory::format_tag::ba};
  return {{rows, columns}, type_of(view.dtype), memory::format_tag::ab};
}

dnnl::primitive_attr user_scratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

}  // namespace drift::onednn
