// A refused launch as an Error, for the launchers of kernels/launch.
// The errors of launching a kernel, apart from the kernels: nvcc cannot compile the formatting library of the message.
#include "kernels/launch/check_launch.h"

#include "kernels/cuda/check_cuda.h"

namespace drift {

void check_launch(const char* launcher, const RowSpace& space, std::int64_t blocks) {
  DRIFT_CUDA(cudaGetLastError(), "{} over [{} x {}, {}] in {} blocks of {} threads", launcher, space.segments,
             space.rows, space.columns, blocks, kBlockThreads);
}

}  // namespace drift
