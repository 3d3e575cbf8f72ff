// Runs of which all that decides the bits is drawn at random, for tests of what must not change a bit.
#pragma once

#include <cstdint>

#include "train/config/config.h"

namespace drift::testing {

// Nine steps; a function of the test's seed and `round`.
TrainConfig random_config(int workers, std::uint64_t round);

}  // namespace drift::testing
