#include "kernels/cuda/op_clock.h"

#include "kernels/cuda/check_cuda.h"
#include "kernels/cuda/device_cuda.h"

namespace drift {

OpClock::OpClock(Stream& stream) : device_(to_string(stream.device())), stream_(cuda_handle(stream)) {}

OpClock::~OpClock() {
  spare_.insert(spare_.end(), pairs_.begin(), pairs_.end());
  for (const Pair& pair : spare_) {
    for (cudaEvent_t event : {pair.begin, pair.end}) {
      if (event != nullptr) warn_cuda(cudaEventDestroy(event), "cudaEventDestroy");
    }
  }
}

void OpClock::start(const char* kind) {
  collect();
  if (spare_.empty()) {
    Pair& pair = spare_.emplace_back();
    DRIFT_CUDA(cudaEventCreate(&pair.begin), "timing operations on {}", device_);
    DRIFT_CUDA(cudaEventCreate(&pair.end), "timing operations on {}", device_);
  }
  pairs_.push_back(spare_.back());
  spare_.pop_back();
  pairs_.back().kind = kind;
  DRIFT_CUDA(cudaEventRecord(pairs_.back().begin, stream_), "the begin of {} on {}", kind, device_);
}

void OpClock::stop() noexcept {
  const cudaError_t status = cudaEventRecord(pairs_.back().end, stream_);
  if (stopped_ == cudaSuccess) stopped_ = status;
}

void OpClock::collect() {
  DRIFT_CUDA_STATUS(stopped_, "cudaEventRecord", "timing operations on {}", device_);
  while (!pairs_.empty()) {
    const Pair pair = pairs_.front();
    const cudaError_t status = cudaEventQuery(pair.end);
    if (status == cudaErrorNotReady) {
      cudaGetLastError();  // an answer, but the runtime keeps it like an error
      return;
    }
    DRIFT_CUDA_STATUS(status, "cudaEventQuery", "the end of {} on {}", pair.kind, device_);
    float milliseconds = 0;
    DRIFT_CUDA(cudaEventElapsedTime(&milliseconds, pair.begin, pair.end), "the time of {} on {}", pair.kind, device_);
    OpTime& total = totals_[pair.kind];
    ++total.calls;
    total.milliseconds += milliseconds;
    spare_.push_back(pair);
    pairs_.pop_front();
  }
}

std::map<std::string, OpTime> OpClock::totals() {
  DRIFT_CUDA(cudaStreamSynchronize(stream_), "waiting for the operations timed on {}", device_);
  collect();
  return totals_;
}

}  // namespace drift
