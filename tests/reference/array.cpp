#include "tests/reference/array.h"

#include <cmath>
#include <utility>

#include "core/check.h"

namespace drift::reference {

Array::Array(const Shape& of_shape, double value)
    : shape(of_shape), values(static_cast<std::size_t>(of_shape.elements()), value) {}

Array::Array(const Shape& of_shape, std::vector<double> of_values) : shape(of_shape), values(std::move(of_values)) {
  DRIFT_ASSERT(static_cast<std::int64_t>(values.size()) == shape.elements(), "{} values do not fill {}", values.size(),
               to_string(shape));
}

Array absolute(const Array& x) {
  Array result = x;
  for (double& value : result.values) value = std::abs(value);
  return result;
}

}  // namespace drift::reference
