// Into how many parts the long sum of a weight gradient should be cut. dw [O,k,k,I] is small and each element a sum
// over N*OH*OW positions: with one block of threads for each tile of dw most of a GPU stands idle (ResNet-56's 16
// channels are 3 tiles, an H100 has 132 multiprocessors).
#pragma once

#include <cstdint>

#include "kernels/cuda/cudnn/graph.h"

namespace drift {

// 1: leave it whole. Else so many that every multiprocessor has two blocks, if each still adds 256 positions or more.
std::int64_t parts_of_sum(const ConvolutionGraph& weight_gradient, std::int64_t multiprocessors);

}  // namespace drift
