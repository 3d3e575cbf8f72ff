// See kernel_watch.h.
#include "kernels/observed/kernel_watch.h"

#include "core/check.h"
#include "kernels/cuda.h"

namespace drift {

std::unique_ptr<KernelWatch> make_kernel_watch(Device device) {
  DRIFT_CHECK(kDevice, device.type == DeviceType::kCuda, "{} has no kernels to be told of: leave out --profile-kernels",
              to_string(device));
  return make_cuda_kernel_watch();
}

}  // namespace drift
