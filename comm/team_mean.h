// take_mean(): the mean over all workers of a team in each replica of this process, by one thread or stream for all of
// them: their sum in the first, the exchange with the other processes, copies to the rest. The bits are those of
// Communicator::all_reduce_mean().
#pragma once

#include <cstdint>
#include <span>

#include "comm/exchange.h"

namespace drift {

// replicas: floats of each worker of this process, in their order. exchange: with the other processes; nullptr if there
// are none.
void take_mean(std::span<float* const> replicas, std::int64_t elements, Exchange* exchange, Backend& backend);

}  // namespace drift
