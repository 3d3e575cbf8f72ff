// One step of a network on memory that holds nothing, for backends that plan or count instead of computing.
#pragma once

#include <cstdint>

#include "engine/tape.h"
#include "models/registry.h"

namespace drift {

// Forward and loss on a batch of `batch` images; in Mode::kTrain backward too. The model's parameters are allocated.
// Returns the most bytes that tensors held at once.
std::int64_t dry_run(const Model& model, std::int64_t batch, DType precision, Mode mode, Backend& backend);

}  // namespace drift
