// The communicators of a team: averaging is written once, here and in exchange.h, above every transport. Workers of a
// process are threads on one device. all_reduce_mean: every worker publishes its span and meets the others of its
// process; on a CPU each sums its own share of the elements over all L replicas in place (Backend::average), a
// reduce-scatter and all-gather in shared memory; on a GPU the first enqueues one kernel over everything. With several
// processes the first worker then exchanges the sums, and the others copy the mean from it. Streams wait for each other
// by events: the hosts meet, but none waits for the device.
#pragma once

#include <memory>
#include <vector>

#include "comm/communicator.h"
#include "comm/membership.h"

namespace drift {

// One communicator for each worker of this process, for a thread each; they share what they need and may outlive each
// other: when one goes, that worker has left, and what the others ask for afterwards throws kComm. A worker that is
// alone never waits. Throws kConfig for a team that cannot be.
std::vector<std::unique_ptr<Communicator>> make_communicators(const Membership& membership,
                                                              Reduce reduce = Reduce::kTree);

}  // namespace drift
