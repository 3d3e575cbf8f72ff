// Tensor: a cheap shared handle to dense memory. Copying a Tensor copies the handle; the memory goes back to the
// MemoryPool it came from when the last handle is gone. Images are [N,H,W,C] on every backend.
#pragma once

#include <string>

#include "kernels/device.h"
#include "kernels/tensor_view.h"

namespace drift {

class MemoryPool;

namespace detail {

// A piece of device memory with its count of handles; made and kept by a MemoryPool, used by one thread at a time.
struct PoolBlock {
  Storage storage;
  MemoryPool* home = nullptr;
  int handles = 0;
};
void return_to_pool(PoolBlock* block);

}  // namespace detail

// What a node keeps of a tensor whose memory it does not need.
struct Value {
  int id = -1;  // its place among the values of its Tape; -1 for one that needs no gradient (an input image)
  Shape shape;
  DType dtype = DType::kFloat32;
};

class Tensor {
 public:
  Tensor() = default;
  Tensor(const Tensor& other);
  Tensor(Tensor&& other) noexcept;
  Tensor& operator=(Tensor other) noexcept;
  ~Tensor();

  bool defined() const { return block_ != nullptr; }
  explicit operator bool() const { return defined(); }
  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  Device device() const { return block_->storage.device(); }
  TensorView view() const;  // of nothing if undefined
  // The same memory under another shape with as many elements; it keeps its place in the tape.
  Tensor reshaped(Shape shape) const;

  Value value() const { return {value_id_, shape_, dtype_}; }
  // Whether this is the only handle to its memory, so that nobody else would see it overwritten.
  bool unique() const { return block_ != nullptr && block_->handles == 1; }

 private:
  friend class MemoryPool;
  friend class Tape;

  detail::PoolBlock* block_ = nullptr;
  Shape shape_;
  DType dtype_ = DType::kFloat32;
  int value_id_ = -1;
};

// "bf16 [128,32,32,16]", or "nothing" if undefined: for error texts.
std::string to_string(const Tensor& tensor);

}  // namespace drift
