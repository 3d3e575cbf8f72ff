// See tensor.h.
#include "engine/tensor.h"

#include <utility>

#include "core/check.h"

namespace drift {

Tensor::Tensor(const Tensor& other)
    : block_(other.block_), shape_(other.shape_), dtype_(other.dtype_), value_id_(other.value_id_) {
  if (block_ != nullptr) ++block_->handles;
}

Tensor::Tensor(Tensor&& other) noexcept
    : block_(std::exchange(other.block_, nullptr)),
      shape_(std::exchange(other.shape_, {})),
      dtype_(other.dtype_),
      value_id_(std::exchange(other.value_id_, -1)) {}

Tensor& Tensor::operator=(Tensor other) noexcept {
  std::swap(block_, other.block_);
  std::swap(shape_, other.shape_);
  std::swap(dtype_, other.dtype_);
  std::swap(value_id_, other.value_id_);
  return *this;
}

Tensor::~Tensor() {
  if (block_ != nullptr && --block_->handles == 0) detail::return_to_pool(block_);
}

TensorView Tensor::view() const {
  if (!defined()) return {};
  return {block_->storage.data(), shape_, dtype_};
}

Tensor Tensor::reshaped(Shape shape) const {
  DRIFT_ASSERT(defined() && shape.elements() == shape_.elements(), "cannot give {} the shape {}", to_string(*this),
               to_string(shape));
  Tensor result = *this;
  result.shape_ = shape;
  return result;
}

std::string to_string(const Tensor& tensor) {
  if (!tensor) return "nothing";
  return fmt::format("{} {}", name_of(tensor.dtype()), to_string(tensor.shape()));
}

}  // namespace drift
