// What to do when a device is full: which local batch would fit.
#pragma once

#include <cstdint>
#include <string>

#include "train/config/config.h"

namespace drift {

// What one worker's activations fill at most: a backend that normalises while it convolves needs less, and which
// convolutions do depends on the batch. This grows linearly with it.
struct ActivationBytes {
  std::int64_t fixed = 0, each = 0;  // each: of one image more; 0: not known
};

// image: [H,W,3]. Found by two dry runs, so while there is memory; not known where there is none for them.
ActivationBytes activation_bytes(const TrainConfig& config, const Shape& image);

// capacity: bytes that activations may fill, of `lanes` workers at once. failed_batch: for which there was no room, so
// that no larger one is named, whatever the system says. "A --local-batch of 96 would fit (...)".
std::string memory_advice(const ActivationBytes& activations, std::int64_t failed_batch, int lanes,
                          std::int64_t capacity);

}  // namespace drift
