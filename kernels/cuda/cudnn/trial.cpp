#include "kernels/cuda/cudnn/trial.h"

#include <algorithm>
#include <limits>

#include "kernels/cuda/check_cuda.h"
#include "kernels/cuda/device_cuda.h"
#include "kernels/device_watch.h"

namespace drift {
namespace {

constexpr int kCalls = 8, kSamples = 3;
// 0x3c3c is a small number in both types. Zeros would cost less power and so less time.
constexpr int kPattern = 0x3c;

}  // namespace

Trial::Trial(const ConvolutionGraph& request, Device device, cudaStream_t stream) : device_(device), stream_(stream) {
  using Kind = ConvolutionGraph::Kind;
  const auto add = [&](Operand operand, std::int64_t elements, DType dtype) {
    const auto bytes = static_cast<std::size_t>(elements * size_of(dtype));
    const Storage& memory = operands_.emplace_back(device_, bytes);
    DRIFT_CUDA(cudaMemsetAsync(memory.data(), kPattern, bytes, stream_), "trying engines of {}", key_of(request));
    bindings_.push_back({operand, memory.data()});
  };
  const bool forward = request.kind == Kind::kForward, data = request.kind == Kind::kBackwardData;
  if (!data) add(Operand::kX, request.x.elements(), request.dtype);
  add(forward ? Operand::kY : Operand::kDy, request.y.elements(), request.dtype);
  if (data) add(Operand::kDx, request.x.elements(), request.dtype);
  const bool weights = request.kind == Kind::kBackwardWeights;
  add(weights ? Operand::kDw : Operand::kW, request.w.elements(), weights ? DType::kFloat32 : request.dtype);
  if (forward && request.bias) add(Operand::kBias, request.w[0], DType::kFloat32);
  if (request.addend) add(Operand::kAddend, request.x.elements(), request.dtype);
  DRIFT_CUDA(cudaEventCreate(&begin_), "trying engines on {}", to_string(device_));
  DRIFT_CUDA(cudaEventCreate(&end_), "trying engines on {}", to_string(device_));
}

Trial::~Trial() {
  try {
    came_through();
  } catch (const DeviceTimeout&) {  // whoever waits next throws it, too
  }
  if (!use_device_to_release(device_.index)) return;
  for (cudaEvent_t event : {begin_, end_}) {
    if (event != nullptr) warn_cuda(cudaEventDestroy(event), "cudaEventDestroy");
  }
}

void* Trial::workspace(std::int64_t bytes) {
  if (static_cast<std::size_t>(bytes) > workspace_.bytes())
    workspace_ = Storage(device_, static_cast<std::size_t>(bytes));
  return workspace_.data();
}

cudaGraphExec_t Trial::captured(int calls, const std::function<bool()>& enqueue) const {
  if (cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal) != cudaSuccess) return nullptr;
  bool good = true;
  for (int i = 0; good && i < calls; ++i) good = enqueue();
  cudaGraph_t graph = nullptr;
  good = cudaStreamEndCapture(stream_, &graph) == cudaSuccess && good;
  cudaGraphExec_t executable = nullptr;
  if (good && cudaGraphInstantiate(&executable, graph, 0) != cudaSuccess) executable = nullptr;
  if (graph != nullptr) warn_cuda(cudaGraphDestroy(graph), "cudaGraphDestroy");
  return executable;
}

bool Trial::came_through() const {
  cudaError_t status = cudaErrorNotReady;
  device_watch().wait(device_, [&] { return (status = cudaStreamQuery(stream_)) != cudaErrorNotReady; });
  return status == cudaSuccess;
}

double Trial::milliseconds(const std::function<bool()>& enqueue) {
  double least = std::numeric_limits<double>::infinity();
  // The first call may load a kernel, which a capture does not allow.
  if (!enqueue() || !came_through()) return least;
  cudaGraphExec_t const graph = captured(kCalls, enqueue);
  if (graph == nullptr) return least;
  for (int i = 0; i <= kSamples; ++i) {  // the first warms up
    DRIFT_CUDA(cudaEventRecord(begin_, stream_), "trying an engine on {}", to_string(device_));
    DRIFT_CUDA(cudaGraphLaunch(graph, stream_), "trying an engine on {}", to_string(device_));
    DRIFT_CUDA(cudaEventRecord(end_, stream_), "trying an engine on {}", to_string(device_));
    wait_for_event(device_.index, end_);
    float sample = 0;
    DRIFT_CUDA(cudaEventElapsedTime(&sample, begin_, end_), "trying an engine on {}", to_string(device_));
    if (i > 0) least = std::min(least, double{sample} / kCalls);
  }
  warn_cuda(cudaGraphExecDestroy(graph), "cudaGraphExecDestroy");
  return least;
}

}  // namespace drift
