// Ranks as threads of one process. all_reduce_mean: every rank publishes its span, waits for the others, averages its
// own share of the elements over all K replicas in place (Backend::average) and waits again: a reduce-scatter and
// all-gather in shared memory.
#pragma once

#include <memory>
#include <vector>

#include "comm/communicator.h"

namespace drift {

// One communicator for each of `size` threads; they share what they need and may outlive each other: when one goes,
// that rank has left, and what the others ask for afterwards throws kComm. size = 1 never waits.
std::vector<std::unique_ptr<Communicator>> make_in_process_communicators(int size);

}  // namespace drift
