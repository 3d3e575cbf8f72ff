// Linked where MPI is absent.
#include "comm/mpi.h"

#include "core/check.h"

namespace drift {

bool have_mpi() {
  return false;
}

std::unique_ptr<Transport> make_mpi_transport(const MpiOptions&) {
  DRIFT_FAIL(kComm, "this build has no MPI: run all workers in one process, or build with -DDRIFT_MPI=ON");
}

}  // namespace drift
