// What a launcher calls after each launch. Apart from kernels/cuda/check_cuda.h because nvcc cannot compile the
// formatting library's compile-time checks.
#pragma once

#include <cstdint>

#include "kernels/launch/index_space.h"

namespace drift {

// Throws kDevice if the launch just made was refused. launcher: the launcher's signature, which names the functor.
void check_launch(const char* launcher, const RowSpace& space, std::int64_t blocks, int threads = kBlockThreads);

}  // namespace drift
