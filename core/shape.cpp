#include "core/shape.h"

#include "core/check.h"

namespace drift {

Shape::Shape(std::initializer_list<std::int64_t> extents) {
  DRIFT_ASSERT(extents.size() <= kMaxRank, "a shape has at most {} extents, got {}", kMaxRank, extents.size());
  for (const std::int64_t extent : extents) {
    DRIFT_ASSERT(extent >= 0, "a shape's extents are not negative, got {}", extent);
    extents_[static_cast<std::size_t>(rank_++)] = extent;
  }
}

std::int64_t Shape::elements() const {
  std::int64_t product = 1;
  for (int axis = 0; axis < rank_; ++axis) product *= (*this)[axis];
  return product;
}

std::int64_t Shape::rows() const {
  std::int64_t product = 1;
  for (int axis = 0; axis + 1 < rank_; ++axis) product *= (*this)[axis];
  return product;
}

std::int64_t Shape::channels() const {
  return rank_ == 0 ? 1 : (*this)[rank_ - 1];
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (axis > 0) text += ",";
    text += std::to_string(shape[axis]);
  }
  return text + "]";
}

}  // namespace drift
