// What one thread, or one stream, does for all workers of a process around the exchange with the others: the bits are
// those of Communicator::all_reduce_mean().
#pragma once

#include <cstdint>
#include <span>

#include "kernels/backend.h"

namespace drift {

// replicas: floats of each worker of this process, in their order. wire: as in all_reduce_mean().

// The mean of all workers into each replica, where there is no other process.
void mean_here(std::span<float* const> replicas, std::int64_t elements, DType wire, Backend& backend);
// Where there are: the sum into the first, and what became of it into the others.
void sum_into_first(std::span<float* const> replicas, std::int64_t elements, DType wire, Backend& backend);
void copy_from_first(std::span<float* const> replicas, std::int64_t elements, Backend& backend);

}  // namespace drift
