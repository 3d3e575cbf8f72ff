// Linked where NCCL is absent.
#include "comm/nccl.h"

#include "comm/availability.h"
#include "core/check.h"

namespace drift {

bool have_nccl() {
  return false;
}

std::vector<std::unique_ptr<Communicator>> make_nccl_communicators(std::span<const Device> devices) {
  DRIFT_FAIL(kComm, "built without NCCL, asked for {} devices: configure with -DDRIFT_NCCL=ON, or use --device cpu",
             devices.size());
}

}  // namespace drift
