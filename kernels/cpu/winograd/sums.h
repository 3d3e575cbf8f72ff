// Where the sums of a block of the transformed gradient lie: [36 points][outputs of the panel][inputs of the panel],
// a vector more between points.
#pragma once

#include "kernels/cpu/winograd/passes.h"
#include "kernels/cpu/winograd/vectors.h"

namespace drift::winograd {

DRIFT_WINOGRAD_INLINE std::ptrdiff_t sum_plane(int in, int out) {
  return static_cast<std::ptrdiff_t>(panel_width(in, 0)) * panel_width(out, 0) + kLanes;
}

}  // namespace drift::winograd
