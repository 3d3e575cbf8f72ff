#include "kernels/cuda/op_clock.h"

#include "kernels/cuda/check_cuda.h"

namespace drift {

OpClock::~OpClock() {
  spare_.insert(spare_.end(), pairs_.begin(), pairs_.end());
  for (const Pair& pair : spare_) {
    cudaEventDestroy(pair.begin);
    cudaEventDestroy(pair.end);
  }
}

void OpClock::start(const char* kind) {
  collect();
  if (spare_.empty()) {
    Pair& pair = spare_.emplace_back();
    DRIFT_CUDA(cudaEventCreate(&pair.begin), "an event that times operations");
    DRIFT_CUDA(cudaEventCreate(&pair.end), "an event that times operations");
  }
  pairs_.push_back(spare_.back());
  spare_.pop_back();
  pairs_.back().kind = kind;
  DRIFT_CUDA(cudaEventRecord(pairs_.back().begin, stream_), "the begin of {}", kind);
}

void OpClock::stop() {
  DRIFT_CUDA(cudaEventRecord(pairs_.back().end, stream_), "the end of {}", pairs_.back().kind);
}

void OpClock::collect() {
  while (!pairs_.empty()) {
    const Pair pair = pairs_.front();
    const cudaError_t status = cudaEventQuery(pair.end);
    if (status == cudaErrorNotReady) {
      cudaGetLastError();  // an answer, but the runtime keeps it like an error
      return;
    }
    DRIFT_CUDA(status, "the end of {}", pair.kind);
    float milliseconds = 0;
    DRIFT_CUDA(cudaEventElapsedTime(&milliseconds, pair.begin, pair.end), "the time of {}", pair.kind);
    OpTime& total = totals_[pair.kind];
    ++total.calls;
    total.milliseconds += milliseconds;
    spare_.push_back(pair);
    pairs_.pop_front();
  }
}

std::map<std::string, OpTime> OpClock::totals() {
  DRIFT_CUDA(cudaStreamSynchronize(stream_), "waiting for the operations that are timed");
  collect();
  return totals_;
}

}  // namespace drift
