// Runs of a team, compared bit for bit with the run of one process.
#pragma once

#include <functional>

#include "comm/job.h"

namespace drift::testing {

// A job of its own for each check.
using MakeJob = std::function<Job()>;

// Both are called by every process of the team with the same seed, for each number of workers per process that is a
// power of two.

// Random small runs, whole, and gone on with from the checkpoint of one process. The states of the workers, the records
// of the steps, the averaged model and its evaluation are those of one process.
void check_runs(const MakeJob& make_job);
// One process is asked to stop in the middle of a round. All leave after the same step, with the states that one
// process has there.
void check_stops(const MakeJob& make_job);

}  // namespace drift::testing
