#include "kernels/cuda/op_clock.h"

#include <utility>

#include "kernels/cuda/check_cuda.h"
#include "kernels/cuda/device_cuda.h"
#include "kernels/cuda/own_kernels.h"

namespace drift {
namespace {

// Longer than the host takes to enqueue an operation that it has enqueued before.
constexpr std::int64_t kHoldNanoseconds = 100'000;

}  // namespace

OpClock::OpClock(std::unique_ptr<Backend> backend)
    : ForwardingBackend(*backend),
      backend_(std::move(backend)),
      device_(stream().device()),
      stream_(cuda_handle(stream())) {}

OpClock::~OpClock() {
  if (!use_device_to_release(device_.index)) return;
  spare_.insert(spare_.end(), pairs_.begin(), pairs_.end());
  for (const Pair& pair : spare_) {
    for (cudaEvent_t event : {pair.begin, pair.end}) {
      if (event != nullptr) warn_cuda(cudaEventDestroy(event), "cudaEventDestroy");
    }
  }
}

void OpClock::run(const Op& op) {
  use_device(device_.index);
  collect();
  if (spare_.empty()) {
    Pair& pair = spare_.emplace_back();
    DRIFT_CUDA(cudaEventCreate(&pair.begin), "timing operations on {}", to_string(device_));
    DRIFT_CUDA(cudaEventCreate(&pair.end), "timing operations on {}", to_string(device_));
  }
  Pair& pair = spare_.back();
  pair.name = name_of(op);
  pair.cost = cost_of(op);
  hold_on(stream_, kHoldNanoseconds);
  DRIFT_CUDA(cudaEventRecord(pair.begin, stream_), "the begin of {} on {}", pair.name, to_string(device_));
  inner().run(op);
  DRIFT_CUDA(cudaEventRecord(pair.end, stream_), "the end of {} on {}", pair.name, to_string(device_));
  pair.alone = !is_reached(device_.index, pair.begin);
  pairs_.push_back(pair);
  spare_.pop_back();
}

void OpClock::collect() {
  while (!pairs_.empty()) {
    const Pair pair = pairs_.front();
    if (!is_reached(device_.index, pair.end)) return;
    OpTime& total = totals_[std::string(pair.name)];
    total.add_call(pair.cost);
    if (pair.alone) {
      float milliseconds = 0;
      DRIFT_CUDA(cudaEventElapsedTime(&milliseconds, pair.begin, pair.end), "the time of {} on {}", pair.name,
                 to_string(device_));
      ++total.timed;
      total.milliseconds += milliseconds;
    }
    spare_.push_back(pair);
    pairs_.pop_front();
  }
}

std::map<std::string, OpTime> OpClock::op_times() {
  use_device(device_.index);
  wait_for_stream(device_.index, stream_);
  collect();
  return totals_;
}

}  // namespace drift
