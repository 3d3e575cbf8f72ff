// Ranks as threads of one process, on one device. all_reduce_mean: every rank publishes its span and meets the others;
// on a CPU each averages its own share of the elements over all K replicas in place (Backend::average), a
// reduce-scatter and all-gather in shared memory; on a GPU rank 0 enqueues one kernel over everything. Streams wait for
// each other by events: the hosts meet, but none waits for the device.
#pragma once

#include <memory>
#include <vector>

#include "comm/communicator.h"

namespace drift {

// One communicator for each of `size` threads; they share what they need and may outlive each other: when one goes,
// that rank has left, and what the others ask for afterwards throws kComm. size = 1 never waits.
std::vector<std::unique_ptr<Communicator>> make_in_process_communicators(int size);

}  // namespace drift
