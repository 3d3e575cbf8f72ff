// The mean of the states of all workers in a checkpoint: what replicas of any number can begin with alike.
#pragma once

#include <filesystem>

#include "train/checkpoint/replica_state.h"

namespace drift {

// `path`: as for find_checkpoint. Each element is summed in double precision and rounded once; of states that are equal
// it has the bits. Throws kCheckpoint as read_checkpoint does.
ReplicaState read_mean_state(const std::filesystem::path& path);

}  // namespace drift
