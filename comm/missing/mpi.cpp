// Linked where MPI is absent.
#include "comm/mpi.h"

#include "comm/availability.h"
#include "core/check.h"

namespace drift {

bool have_mpi() {
  return false;
}

std::unique_ptr<Communicator> make_mpi_communicator() {
  DRIFT_FAIL(kComm, "this version of Drift has no MPI backend: run all workers in one process");
}

}  // namespace drift
