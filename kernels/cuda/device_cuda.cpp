// Devices, streams, events, memory and captured steps of CUDA.
#include "kernels/cuda/device_cuda.h"

#include <cuda_runtime.h>
#include <utility>

#include "kernels/cuda.h"
#include "kernels/cuda/check_cuda.h"

namespace drift {
namespace {

class CudaGraph final : public CapturedWork {
 public:
  CudaGraph(int device, cudaStream_t stream, cudaGraph_t graph) : device_(device), stream_(stream) {
    const cudaError_t status = cudaGraphInstantiate(&executable_, graph, 0);
    warn_cuda(cudaGraphDestroy(graph), "cudaGraphDestroy");
    DRIFT_CUDA_STATUS(status, "cudaGraphInstantiate", "instantiating a captured step on cuda:{}", device);
  }
  ~CudaGraph() override { warn_cuda(cudaGraphExecDestroy(executable_), "cudaGraphExecDestroy"); }

  void replay() override { DRIFT_CUDA(cudaGraphLaunch(executable_, stream_), "a captured step on cuda:{}", device_); }

 private:
  int device_;
  cudaStream_t stream_;
  cudaGraphExec_t executable_ = nullptr;
};

class CudaStream final : public Stream {
 public:
  explicit CudaStream(int device) : device_{DeviceType::kCuda, device} {
    const DeviceGuard guard(device);
    DRIFT_CUDA(cudaStreamCreateWithFlags(&handle_, cudaStreamNonBlocking), "a stream on cuda:{}", device);
  }
  // Work still running would use memory that its owner is about to free.
  ~CudaStream() override {
    warn_cuda(cudaStreamSynchronize(handle_), "cudaStreamSynchronize");
    warn_cuda(cudaStreamDestroy(handle_), "cudaStreamDestroy");
  }

  cudaStream_t handle() const { return handle_; }
  Device device() const override { return device_; }
  int threads() const override { return 1; }
  void synchronize() override { DRIFT_CUDA(cudaStreamSynchronize(handle_), "waiting for {}", to_string(device_)); }
  bool can_capture() const override { return true; }
  std::unique_ptr<CapturedWork> capture(const std::function<void()>& work) override;

 private:
  Device device_;
  cudaStream_t handle_ = nullptr;
};

// Thread-local mode: other workers' threads may allocate or wait meanwhile.
std::unique_ptr<CapturedWork> CudaStream::capture(const std::function<void()>& work) {
  const DeviceGuard guard(device_.index);
  DRIFT_CUDA(cudaStreamBeginCapture(handle_, cudaStreamCaptureModeThreadLocal), "capturing a step on {}",
             to_string(device_));
  cudaGraph_t graph = nullptr;
  try {
    work();
  } catch (...) {
    // Leaves the stream usable; what it captured is thrown away. What went wrong is reported by `work`.
    if (cudaStreamEndCapture(handle_, &graph) != cudaSuccess) cudaGetLastError();
    if (graph != nullptr) warn_cuda(cudaGraphDestroy(graph), "cudaGraphDestroy");
    throw;
  }
  DRIFT_CUDA(cudaStreamEndCapture(handle_, &graph), "the end of capturing a step on {}", to_string(device_));
  return std::make_unique<CudaGraph>(device_.index, handle_, graph);
}

}  // namespace

DeviceGuard::DeviceGuard(int device) : device_(device) {
  DRIFT_CUDA(cudaGetDevice(&before_), "making cuda:{} the current device", device);
  if (before_ != device) DRIFT_CUDA(cudaSetDevice(device), "making cuda:{} the current device", device);
}

DeviceGuard::~DeviceGuard() {
  if (before_ != device_) warn_cuda(cudaSetDevice(before_), "cudaSetDevice");
}

cudaStream_t cuda_handle(Stream& stream) {
  auto* const cuda = dynamic_cast<CudaStream*>(&stream);
  DRIFT_ASSERT(cuda != nullptr, "a stream on {} is no CUDA stream", to_string(stream.device()));
  return cuda->handle();
}

int cuda_device_count() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  // A build with CUDA on a machine without a GPU or without a driver is an ordinary case, not an error.
  if (status == cudaErrorNoDevice || status == cudaErrorInsufficientDriver) {
    cudaGetLastError();  // forget it: the runtime keeps reporting the last error
    return 0;
  }
  DRIFT_CUDA_STATUS(status, "cudaGetDeviceCount", "counting CUDA devices");
  return count;
}

std::string cuda_device_name(int device) {
  cudaDeviceProp properties{};
  DRIFT_CUDA(cudaGetDeviceProperties(&properties, device), "the properties of cuda:{}", device);
  return fmt::format("{}, sm_{}{}", properties.name, properties.major, properties.minor);
}

std::int64_t free_bytes_cuda(int device) {
  const DeviceGuard guard(device);
  std::size_t free = 0, total = 0;
  DRIFT_CUDA(cudaMemGetInfo(&free, &total), "the free memory of cuda:{}", device);
  return static_cast<std::int64_t>(free);
}

std::unique_ptr<Stream> make_cuda_stream(int device) {
  return std::make_unique<CudaStream>(device);
}

void* allocate_cuda(int device, std::size_t bytes) {
  const DeviceGuard guard(device);
  void* data = nullptr;
  const cudaError_t status = cudaMalloc(&data, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    return nullptr;
  }
  DRIFT_CUDA_STATUS(status, "cudaMalloc", "{} bytes on cuda:{}", bytes, device);
  return data;
}

void free_cuda(int, void* data) noexcept {
  warn_cuda(cudaFree(data), "cudaFree");
}

void* allocate_cuda_host(std::size_t bytes) {
  void* data = nullptr;
  const cudaError_t status = cudaMallocHost(&data, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    return nullptr;
  }
  DRIFT_CUDA_STATUS(status, "cudaMallocHost", "{} bytes of page-locked host memory", bytes);
  return data;
}

void free_cuda_host(void* data) noexcept {
  warn_cuda(cudaFreeHost(data), "cudaFreeHost");
}

void* make_cuda_event(int device) {
  const DeviceGuard guard(device);
  cudaEvent_t event = nullptr;
  DRIFT_CUDA(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "an event on cuda:{}", device);
  return event;
}

void destroy_cuda_event(void* event) noexcept {
  warn_cuda(cudaEventDestroy(static_cast<cudaEvent_t>(event)), "cudaEventDestroy");
}

void record_cuda_event(void* event, Stream& stream) {
  DRIFT_CUDA(cudaEventRecord(static_cast<cudaEvent_t>(event), cuda_handle(stream)), "an event on {}",
             to_string(stream.device()));
}

void wait_cuda_event(void* event, Stream& stream) {
  DRIFT_CUDA(cudaStreamWaitEvent(cuda_handle(stream), static_cast<cudaEvent_t>(event), 0), "a wait on {}",
             to_string(stream.device()));
}

void synchronize_cuda_event(int device, void* event) {
  DRIFT_CUDA(cudaEventSynchronize(static_cast<cudaEvent_t>(event)), "waiting for an event on cuda:{}", device);
}

}  // namespace drift
