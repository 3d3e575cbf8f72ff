// What the threads of one worker on a CPU can do at most, measured in some fifty milliseconds: what --profile holds the
// times of operations against.
#pragma once

#include "train/runs/profile_file.h"

namespace drift {

// Bytes per second of an addition over arrays from what a core's cache holds to more than any cache, and multiply-adds
// per second of a matrix product in the cache, both by the backend that trains. The best of several.
MachineRates measure_rates(int threads);

}  // namespace drift
