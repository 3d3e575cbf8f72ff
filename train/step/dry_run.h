// One step of a network on memory that holds nothing, for backends that plan or count instead of computing.
#pragma once

#include <cstdint>

#include "engine/tape.h"
#include "models/registry.h"

namespace drift {

// Forward and loss on a batch of `batch` images, and backward if `options` record. The model's parameters are
// allocated. Returns the bytes that a pool needs for it: more than tensors hold at once, for it has blocks of each
// size.
std::int64_t dry_run(const Model& model, std::int64_t batch, DType precision, TapeOptions options, Backend& backend);

}  // namespace drift
