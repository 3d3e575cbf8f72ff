// What to do when a device is full: which local batch would fit.
#pragma once

#include <cstdint>
#include <string>

#include "train/config/config.h"

namespace drift {

// capacity: bytes that activations may fill, of `lanes` workers at once. "A --local-batch of 96 would fit (...)".
std::string memory_advice(const TrainConfig& config, int lanes, std::int64_t capacity);

}  // namespace drift
