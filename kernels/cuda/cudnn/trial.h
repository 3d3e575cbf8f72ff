// Trial: memory like that of a convolution's operands, on which the engines of its graph are run and timed before one
// is chosen.
#pragma once

#include <cuda_runtime_api.h>
#include <functional>
#include <list>
#include <vector>

#include "kernels/cuda/cudnn/plan.h"
#include "kernels/device.h"

namespace drift {

class Trial {
 public:
  // Engines that want more workspace are not tried: every backend of the device would hold as much.
  static constexpr std::int64_t kMostWorkspace = std::int64_t{256} << 20;

  // On the device of `stream`, which must outlive it and not be capturing. Throws OutOfMemory.
  Trial(const ConvolutionGraph& request, Device device, cudaStream_t stream);
  ~Trial();
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  std::span<const Binding> bindings() const { return bindings_; }
  // Valid until more is asked for.
  void* workspace(std::int64_t bytes);

  // Milliseconds on the device of what `enqueue` puts on the stream; it says whether it could. As in a step it is
  // captured and replayed, so that no time of the host is in it; the least of a few samples. Infinite for what cannot
  // run or not be captured.
  double milliseconds(const std::function<bool()>& enqueue);

 private:
  // Waits for the stream; whether nothing went wrong on it.
  bool came_through() const;
  // `calls` of `enqueue` as one graph; nullptr if there is none.
  cudaGraphExec_t captured(int calls, const std::function<bool()>& enqueue) const;

  Device device_;
  cudaStream_t stream_;
  std::list<Storage> operands_;
  std::vector<Binding> bindings_;
  Storage workspace_;
  cudaEvent_t begin_ = nullptr, end_ = nullptr;
};

}  // namespace drift
