// Shape: up to four extents, outermost first. Images are [N,H,W,C], convolution weights [O,KH,KW,I], matrices
// [rows,columns].
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>

namespace drift {

class Shape {
 public:
  static constexpr int kMaxRank = 4;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> extents);

  int rank() const { return rank_; }
  std::int64_t operator[](int axis) const { return extents_[static_cast<std::size_t>(axis)]; }
  // 1 for the empty shape.
  std::int64_t elements() const;
  // The product of all extents but the last: the rows of the [rows, channels] matrix that an NHWC tensor is.
  std::int64_t rows() const;
  // The last extent; 1 for the empty shape.
  std::int64_t channels() const;

  bool operator==(const Shape&) const = default;

 private:
  std::array<std::int64_t, kMaxRank> extents_{};
  int rank_ = 0;
};

// "[128,32,32,16]"
std::string to_string(const Shape& shape);

}  // namespace drift
