// By which algorithm a convolution is computed on a CPU. It decides the last bits of what comes out, so it depends on
// shapes, types and the CPU's instructions alone, never on timings or on the number of threads.
#pragma once

#include <cstdint>
#include <string_view>

#include "kernels/op.h"

namespace drift {

// kDirect: products and sums as the formula has them, by oneDNN. kWinograd: F(4x4, 3x3), a quarter of the
// multiplications (kernels/cpu/winograd).
enum class ConvolutionForm : std::uint8_t { kDirect, kWinograd };

// What --conv says. kAuto: the form that was measured to be faster; kWinograd: wherever it can compute the convolution.
enum class ConvolutionChoice : std::uint8_t { kAuto, kDirect, kWinograd };

std::string_view name_of(ConvolutionForm form);

ConvolutionForm form_of(const Conv2dForward& op, ConvolutionChoice choice);
ConvolutionForm form_of(const Conv2dBackwardData& op, ConvolutionChoice choice);
ConvolutionForm form_of(const Conv2dBackwardWeights& op, ConvolutionChoice choice);

}  // namespace drift
