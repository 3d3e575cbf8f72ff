// Compares analytic gradients with central differences of L(inputs) = sum(dy * forward(inputs)) in double precision.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "tests/reference/array.h"

namespace drift::reference {

// Normal numbers, a pure function of (shape, stream).
Array random_array(const Shape& shape, std::uint64_t stream, double mean = 0, double std = 1);

using Forward = std::function<Array(const std::vector<Array>& inputs)>;

// gradients[i] is claimed to be dL/dinputs[i]; every entry is checked.
void expect_gradients(const Forward& forward, const std::vector<Array>& inputs, const Array& dy,
                      const std::vector<Array>& gradients);

}  // namespace drift::reference
