// Ranks as processes under an MPI launcher.
#pragma once

#include <memory>

#include "comm/communicator.h"

namespace drift {

// This process's end of all processes of the job. Throws kComm in a build without MPI.
std::unique_ptr<Communicator> make_mpi_communicator();

}  // namespace drift
