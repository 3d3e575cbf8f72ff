// Array: a shape and its values in double precision, the only type of the reference. The reference is the backend's
// oracle: plain loops written for obviousness, after the formulas of kernels/op.h and nothing else. An empty Array
// stands for "not given".
#pragma once

#include <vector>

#include "core/shape.h"

namespace drift::reference {

struct Array {
  Shape shape;
  std::vector<double> values;

  Array() = default;
  explicit Array(const Shape& of_shape, double value = 0);
  Array(const Shape& of_shape, std::vector<double> of_values);

  bool given() const { return !values.empty(); }
  std::int64_t elements() const { return shape.elements(); }

  double& operator[](std::int64_t i) { return values[static_cast<std::size_t>(i)]; }
  double operator[](std::int64_t i) const { return values[static_cast<std::size_t>(i)]; }
  // Element of the [rows, channels] matrix that an image tensor is too.
  double& at(std::int64_t row, std::int64_t channel) { return (*this)[row * shape.channels() + channel]; }
  double at(std::int64_t row, std::int64_t channel) const { return (*this)[row * shape.channels() + channel]; }
  double& at(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c) { return (*this)[index(n, h, w, c)]; }
  double at(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c) const { return (*this)[index(n, h, w, c)]; }

 private:
  std::int64_t index(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c) const {
    return ((n * shape[1] + h) * shape[2] + w) * shape[3] + c;
  }
};

// |x|, element by element: a sum of products of absolutes bounds the rounding error of the sum of products.
Array absolute(const Array& x);

}  // namespace drift::reference
