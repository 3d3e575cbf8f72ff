// Runs of a team, compared bit for bit with the run of one process.
#pragma once

#include <memory>

#include "comm/transport.h"

namespace drift::testing {

// Called by every process of the team with the same seed: random small runs of K workers, L of them here, for each L
// that is a power of two; whole, and stopped in the middle and gone on with from the checkpoint of one process. The
// states of the workers, the averaged model and its evaluation are those of one process.
void check_runs(const std::shared_ptr<Transport>& transport);

}  // namespace drift::testing
