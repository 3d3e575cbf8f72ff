// Winograd's F(4x4, 3x3) for a convolution of 3x3 windows with stride 1 and a border of one zero, from its definition
// by points. With absolute values it bounds the rounding errors of an implementation: each value on the way is a sum,
// and the error of a sum is measured by the sum of its absolute terms.
#pragma once

#include <cstdint>

#include "tests/reference/array.h"

namespace drift::reference {

// kAbsolute: of the operands and of the transforms.
enum class Terms : std::uint8_t { kSigned, kAbsolute };

Array winograd_forward(const Array& x, const Array& w, Terms terms);
Array winograd_backward_data(const Array& dy, const Array& w, Terms terms);
Array winograd_backward_weights(const Array& x, const Array& dy, Terms terms);  // dw

// The longest chain of roundings on the way of a value, beside those of the sum over channels or tiles: B^T d B and
// G g G^T in two passes of three terms, A^T m A in two of five, products, and factors that are rounded numbers.
inline constexpr int kWinogradRoundings = 32;

}  // namespace drift::reference
