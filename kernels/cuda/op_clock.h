// OpClock: device time by name of operation, from a pair of events around each. The device is held up before each one,
// so that it comes to the first event when everything up to the second is enqueued, and the host's time is not in it.
// Where it was there earlier (the host built a plan meanwhile, or waited), that call counts as not timed. Nothing waits
// for results: pairs are read when the device has passed them, and reused.
#pragma once

#include <cuda_runtime_api.h>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kernels/observed/forwarding_backend.h"

namespace drift {

class OpClock final : public ForwardingBackend {
 public:
  explicit OpClock(std::unique_ptr<Backend> backend);
  ~OpClock() override;

  void run(const Op& op) override;
  std::map<std::string, OpTime> op_times() override;

 private:
  struct Pair {
    std::string_view name;
    OpCost cost;
    cudaEvent_t begin = nullptr, end = nullptr;
    bool alone = false;  // no time of the host is in it
  };
  // Takes the times of the first pairs, all of which the device has passed.
  void collect();

  std::unique_ptr<Backend> backend_;
  Device device_;
  cudaStream_t stream_;
  std::deque<Pair> pairs_;   // in the order of the stream
  std::vector<Pair> spare_;  // an operation in progress uses the last one
  std::map<std::string, OpTime> totals_;
};

}  // namespace drift
