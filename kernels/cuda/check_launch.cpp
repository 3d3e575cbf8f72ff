// The errors of launching a kernel, apart from the kernels: nvcc cannot compile the formatting library of the message.
#include "kernels/launch/check_launch.h"

#include "kernels/cuda/check_cuda.h"

namespace drift {

void check_launch(const char* launcher, const RowSpace& space, std::int64_t blocks, int threads) {
  const cudaError_t status = cudaGetLastError();
  if (status == cudaSuccess) return;
  int device = -1;
  cudaGetDevice(&device);
  DRIFT_CUDA_STATUS(status, "a kernel launch", "{} over [{} x {}, {}] in {} blocks of {} threads on cuda:{}", launcher,
                    space.segments, space.rows, space.columns, blocks, threads, device);
}

}  // namespace drift
