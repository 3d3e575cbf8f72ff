// Linked where MPI is absent.
#include "comm/mpi.h"

#include "comm/availability.h"
#include "core/check.h"

namespace drift {

bool have_mpi() {
  return false;
}

std::unique_ptr<Communicator> make_mpi_communicator() {
  DRIFT_FAIL(kComm, "built without MPI: configure with -DDRIFT_MPI=ON, or run all workers in one process");
}

}  // namespace drift
