// One step of a network on addresses without memory, for backends that plan or count instead of computing.
#pragma once

#include <cstdint>

#include "engine/tape.h"
#include "models/registry.h"

namespace drift {

// Forward and loss on a batch of images [N,H,W,3], and backward if `options` record. The model's parameters are
// allocated. Returns the bytes that a pool needs for it: more than tensors hold at once, for it has blocks of each
// size.
std::int64_t dry_run(const Model& model, const Shape& images, DType precision, TapeOptions options, Backend& backend);

// [N,H,W,3] of the network's own size.
inline Shape images_for(const Model& model, std::int64_t batch) {
  return {batch, model.input[0], model.input[1], model.input[2]};
}

}  // namespace drift
