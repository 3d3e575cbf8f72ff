// Stream capture with CUDA's rules: which streams join, what may not be called meanwhile, what spoils a capture.
#pragma once

#include <cstdint>
#include <cuda_runtime_api.h>
#include <memory>
#include <thread>
#include <vector>

#include "tests/emulator/cudart/graph.h"

namespace drift::emulator {

class Captures {
 public:
  cudaError_t begin(Stream& stream, cudaStreamCaptureMode mode);
  cudaError_t end(Stream& stream, std::shared_ptr<Graph>& graph);

  // The work becomes a node behind what the stream captured so far.
  cudaError_t add(Stream& stream, Work work);
  void record(Event& event, const Stream& stream);
  cudaError_t wait(Stream& stream, const Event& event);

  // Calls that wait or allocate spoil captures that did not begin in relaxed mode: CUDA's "potentially unsafe" calls.
  cudaError_t refuse_unsafe();
  // Work on the default stream would have to wait for a blocking stream that captures.
  cudaError_t refuse_implicit(const Stream& default_stream);
  // A call that a capturing stream does not allow at all.
  cudaError_t spoil(Stream& stream, cudaError_t error);

  // The graph behind a handle that a capture lent out.
  Graph* find(const void* handle) const;

  static cudaStreamCaptureMode exchange_mode(cudaStreamCaptureMode mode);  // of the calling thread

 private:
  std::vector<std::shared_ptr<Capture>> active_;
  std::uint64_t begun_ = 0;
};

}  // namespace drift::emulator
