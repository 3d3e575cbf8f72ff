// What reads the device's clock: stamps, and a wait of the stream.
#include "kernels/cuda/own_kernels.h"
#include "kernels/launch/once_cuda.cuh"

namespace drift {
namespace {

// Nanoseconds. On some kinds of device it goes on in steps of a microsecond.
__device__ std::int64_t global_timer() {
  std::int64_t now;
  asm volatile("mov.u64 %0, %globaltimer;" : "=l"(now)::"memory");
  return now;
}

}  // namespace

struct WriteStamp {
  std::int64_t* y;
  std::int64_t n;
  __device__ void operator()() const {
    const std::int64_t now = global_timer();
    for (std::int64_t i = 0; i < n; ++i) y[i] = now;
  }
};

struct PassTime {
  std::int64_t nanoseconds;
  __device__ void operator()() const {
    const std::int64_t begin = global_timer();
    while (global_timer() - begin < nanoseconds) {
    }
  }
};

void run_on(cudaStream_t stream, const Stamp& op) {
  run_once(stream, WriteStamp{op.y.as<std::int64_t>(), op.y.elements()});
}

void hold_on(cudaStream_t stream, std::int64_t nanoseconds) {
  run_once(stream, PassTime{nanoseconds});
}

}  // namespace drift
