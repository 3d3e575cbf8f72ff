// Launch: which of how many processes this is, as whoever started it says in its environment.
//
//   Open MPI's mpirun   OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE
//   MPICH, Intel MPI    PMI_RANK, PMI_SIZE; srun --mpi=pmi2 too
//   srun --mpi=pmix     SLURM_PROCID, SLURM_STEP_NUM_TASKS, where none of those above is set: mpirun starts its own
//                       daemons with srun
//   torchrun            RANK, WORLD_SIZE
#pragma once

#include <functional>
#include <string>

#include "comm/job.h"

namespace drift {

enum class Launcher { kNone, kMpi, kTorchrun };

struct Launch {
  Launcher launcher = Launcher::kNone;
  std::string variables;  // that say so, for messages: "OMPI_COMM_WORLD_RANK and OMPI_COMM_WORLD_SIZE"
  int process = 0, processes = 1;
};

// variable: its value, or nullptr. Throws kConfig when two launchers disagree, or for numbers that are none.
Launch detect_launch(const std::function<const char*(const char*)>& variable);
Launch detect_launch();  // of this process

// Finds the other processes, over MPI. Throws kConfig for torchrun, and where MPI does not see the processes that were
// started.
Job join_launched(const Launch& launch, const JobOptions& options);

}  // namespace drift
