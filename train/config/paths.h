// Paths in a config, as seen from wherever a run is gone on with.
#pragma once

#include "train/config/config.h"

namespace drift {

// Of the data, the weights to start from and the plan file: what a user wrote from the current directory. Throws kUsage
// for a path that is not UTF-8, as the files of a run are.
void make_paths_absolute(TrainConfig& config);

}  // namespace drift
