// Linked where NCCL or CUDA is absent.
#include "comm/nccl.h"

#include "core/check.h"

namespace drift {

bool have_nccl() {
  return false;
}

std::string make_nccl_id() {
  DRIFT_FAIL(kComm, "this build has no NCCL: run all workers in one process, or build with -DDRIFT_NCCL=ON");
}

std::shared_ptr<Transport> make_nccl_transport(const NcclOptions&) {
  make_nccl_id();
  return nullptr;
}

}  // namespace drift
