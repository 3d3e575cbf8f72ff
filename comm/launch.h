// Launch: which of how many processes this is, as whoever started it says in its environment.
//
//   Open MPI's mpirun   OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE
//   MPICH, Intel MPI    PMI_RANK, PMI_SIZE; srun --mpi=pmi2 too
//   srun --mpi=pmix     SLURM_PROCID, SLURM_STEP_NUM_TASKS, where none of those above is set: mpirun starts its own
//                       daemons with srun
//   torchrun            RANK, WORLD_SIZE; and MASTER_ADDR, MASTER_PORT, where its own store is: Drift takes the port
//                       behind it
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
  std::string host, token;  // torchrun's: where process 0 is, and the job's name
  int port = 0;             // there
};

// variable: its value, or nullptr. Throws kConfig when two launchers disagree, or for numbers that are none.
Launch detect_launch(const std::function<const char*(const char*)>& variable);
Launch detect_launch();  // of this process

// Finds the other processes: over MPI, or where torchrun says; then without a transport, until they have GPUs
// (on_gpus). Throws kConfig where MPI does not see the processes that were started.
Job join_launched(const Launch& launch, const JobOptions& options);

}  // namespace drift
