// OpClock: device time by kind of operation, from a pair of events around each call. Nothing waits: pairs are read when
// the device has passed them, and reused.
#pragma once

#include <cuda_runtime_api.h>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "kernels/backend.h"

namespace drift {

class OpClock {
 public:
  explicit OpClock(Stream& stream);
  ~OpClock();
  OpClock(const OpClock&) = delete;
  OpClock& operator=(const OpClock&) = delete;

  void start(const char* kind);            // a literal
  void stop() noexcept;                    // what fails here is thrown by the next call
  std::map<std::string, OpTime> totals();  // waits for the stream

 private:
  struct Pair {
    const char* kind = nullptr;
    cudaEvent_t begin = nullptr, end = nullptr;
  };
  // Takes the times of the first pairs, all of which the device has passed.
  void collect();

  std::string device_;  // for messages
  cudaStream_t stream_;
  cudaError_t stopped_ = cudaSuccess;
  std::deque<Pair> pairs_;  // in the order of the stream; the last may still be open
  std::vector<Pair> spare_;
  std::map<std::string, OpTime> totals_;
};

}  // namespace drift
