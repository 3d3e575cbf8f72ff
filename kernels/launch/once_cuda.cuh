// Runs f() once, in one thread of a GPU, after what its stream did before.
#pragma once

#include "kernels/launch/check_launch.h"

namespace drift {
namespace launch {

template <class F>
__global__ void __launch_bounds__(1) once(F f) {
  f();
}

}  // namespace launch

template <class F>
void run_once(cudaStream_t stream, const F& f) {
  launch::once<<<1, 1, 0, stream>>>(f);
  check_launch(__PRETTY_FUNCTION__, {1, 1, 1}, 1, 1);
}

}  // namespace drift
