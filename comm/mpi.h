// The transport between processes that an MPI launcher started (mpirun, srun): MPI 3, on host memory.
#pragma once

#include <memory>

#include "comm/transport.h"
#include "core/clock.h"

namespace drift {

bool have_mpi();  // in this build

struct MpiOptions {
  double timeout_seconds = 300;  // that a transfer waits for others
  const Clock* clock = &steady_clock();
};

// All processes of the job; one that was started without a launcher is alone. Once in a program: MPI is set up with it
// and ends with it, unless it goes because of an exception, has failed or was aborted; then the launcher ends the
// others when this process does. Throws kComm in a build without MPI, and when MPI cannot be set up.
std::unique_ptr<Transport> make_mpi_transport(const MpiOptions& options = {});

}  // namespace drift
