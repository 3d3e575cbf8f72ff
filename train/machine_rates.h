// What the threads of one worker on a CPU can do at most, or a GPU, measured in less than a second: what --profile
// holds the times of operations against.
#pragma once

#include "train/config/machine.h"
#include "train/runs/profile_file.h"

namespace drift {

// Bytes per second of an addition over arrays from what a core's cache holds to more than any cache, and multiply-adds
// per second of a matrix product in the run's precision (on a CPU, one that lies in the cache), both by the backend
// that trains. The best of several. On a device that takes long for the smaller ones, the larger are left out.
MachineRates measure_rates(Device device, int threads, const MachineConfig& config);

}  // namespace drift
