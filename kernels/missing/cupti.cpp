// Linked where a build with CUDA found no headers of CUPTI.
#include "core/check.h"
#include "kernels/cuda.h"

namespace drift {

std::unique_ptr<KernelWatch> make_cuda_kernel_watch() {
  DRIFT_FAIL(kDevice,
             "this build of Drift has no CUPTI: leave out --profile-kernels, or build where the CUDA toolkit has its "
             "headers (extras/CUPTI/include)");
}

}  // namespace drift
