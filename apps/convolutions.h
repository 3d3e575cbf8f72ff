// How reports and records of runs name the convolutions of a network and their forms.
#pragma once

#include <vector>

#include "core/json_lines.h"
#include "models/convolution_trace.h"

namespace drift {

Json shape_json(const Shape& shape);  // [32,32,16]

// One object per layer: "layer", "x", "w", "stride", and the form of "forward", "backward_data" (null where there is
// none) and "backward_weights".
Json convolutions_json(const std::vector<ConvolutionTrace>& convolutions);
// A table of the same.
void print_convolutions(const std::vector<ConvolutionTrace>& convolutions);

}  // namespace drift
