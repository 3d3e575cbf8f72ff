// Linked where NCCL is absent.
#include "comm/nccl.h"

#include "comm/availability.h"
#include "core/check.h"

namespace drift {

bool have_nccl() {
  return false;
}

std::vector<std::unique_ptr<Communicator>> make_nccl_communicators(std::span<const Device> devices) {
  DRIFT_FAIL(
      kComm,
      "this version of Drift has no NCCL backend (asked for {} devices): use --device cpu; workers run in one process",
      devices.size());
}

}  // namespace drift
