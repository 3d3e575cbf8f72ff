// How the processes of a run reach each other.
#pragma once

#include "comm/job.h"
#include "comm/launch.h"
#include "train/config/config.h"

namespace drift {

// The job with its transport: MPI between CPUs, NCCL between GPUs, behind --link where that is asked for. All processes
// call it. Throws kUsage, kConfig or kDevice where that cannot be.
Job with_transport(Job job, const TrainConfig& config, const Launch& launch);

}  // namespace drift
