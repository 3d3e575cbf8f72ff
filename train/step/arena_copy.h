// Operations on the arenas of replicas of one model.
#pragma once

#include <span>
#include <vector>

#include "kernels/backend.h"

namespace drift {

// target <- the mean of the sources in the fixed tree of Backend::average, the bits that an all-reduce would give; the
// sources, one per worker and as long as the target, stay as they are.
void average_into(std::span<const std::span<float>> sources, std::span<float> target, Backend& backend);

}  // namespace drift
