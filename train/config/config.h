// TrainConfig: everything that decides a run, resolved. On a given machine and build the bits of a run are a function
// of this struct (docs/numerics.md says what else may change them). One struct per subject, each in a file of its own
// with the options that set it. Defaults here are the command line's.
#pragma once

#include <cstdint>

#include "models/registry.h"
#include "train/config/data.h"
#include "train/config/evaluation.h"
#include "train/config/files.h"
#include "train/config/learning_rate.h"
#include "train/config/length.h"
#include "train/config/machine.h"
#include "train/config/optimizer.h"
#include "train/config/processes.h"
#include "train/config/sync.h"

namespace drift {

struct TrainConfig {
  ModelOptions model;
  DataConfig data;
  SyncConfig sync;
  LrConfig lr;
  OptimizerConfig optimizer;
  LengthConfig length;
  EvaluationConfig evaluation;
  CheckpointConfig checkpoints;
  MachineConfig machine;
  ProcessesConfig processes;
  FilesConfig files;
  std::uint64_t seed = 1;
};

}  // namespace drift
