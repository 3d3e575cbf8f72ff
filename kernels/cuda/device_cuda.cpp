// Devices, streams, events, memory and captured steps of CUDA.
#include "kernels/cuda/device_cuda.h"

#include <cstdlib>
#include <cuda_profiler_api.h>
#include <cuda_runtime.h>
#include <utility>

#include "kernels/cuda.h"
#include "kernels/cuda/architectures.h"
#include "kernels/cuda/check_cuda.h"
#include "kernels/device_watch.h"

namespace drift {
namespace {

// "12.8" of 12080.
std::string cuda_version(int version) {
  return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

class CudaGraph final : public CapturedWork {
 public:
  CudaGraph(int device, cudaStream_t stream, cudaGraph_t graph) : device_(device), stream_(stream) {
    const cudaError_t status = cudaGraphInstantiate(&executable_, graph, 0);
    warn_cuda(cudaGraphDestroy(graph), "cudaGraphDestroy");
    DRIFT_CUDA_STATUS(status, "cudaGraphInstantiate", "instantiating a captured step on cuda:{}", device);
  }
  ~CudaGraph() override {
    if (!use_device_to_release(device_)) return;
    warn_cuda(cudaGraphExecDestroy(executable_), "cudaGraphExecDestroy");
  }

  void replay() override {
    use_device(device_);
    DRIFT_CUDA(cudaGraphLaunch(executable_, stream_), "a captured step on cuda:{}", device_);
  }

 private:
  int device_;
  cudaStream_t stream_;
  cudaGraphExec_t executable_ = nullptr;
};

class CudaStream final : public Stream {
 public:
  explicit CudaStream(int device) : device_{DeviceType::kCuda, device} {
    use_device(device);
    DRIFT_CUDA(cudaStreamCreateWithFlags(&handle_, cudaStreamNonBlocking), "a stream on cuda:{}", device);
  }
  // Work still running would use memory that its owner is about to free.
  ~CudaStream() override {
    if (!use_device_to_release(device_.index)) return;
    try {
      wait_for_stream(device_.index, handle_);
      warn_cuda(cudaStreamDestroy(handle_), "cudaStreamDestroy");
    } catch (const Error& error) {
      log_warning("the end of a stream: {}", error.message());
    }
  }

  cudaStream_t handle() const { return handle_; }
  void* vendor_handle() const override { return handle_; }
  Device device() const override { return device_; }
  int threads() const override { return 1; }
  void synchronize() override {
    use_device(device_.index);
    wait_for_stream(device_.index, handle_);
  }
  bool can_capture() const override { return true; }
  std::unique_ptr<CapturedWork> capture(const std::function<void()>& work) override;

 private:
  Device device_;
  cudaStream_t handle_ = nullptr;
};

// Thread-local mode: other workers' threads may allocate or wait meanwhile.
std::unique_ptr<CapturedWork> CudaStream::capture(const std::function<void()>& work) {
  use_device(device_.index);
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

// Whether what was asked for by `call` is done.
bool is_done(cudaError_t status, const char* call, int device) {
  if (status == cudaErrorNotReady) {
    cudaGetLastError();  // an answer, but the runtime keeps it like an error
    return false;
  }
  DRIFT_CUDA_STATUS(status, call, "waiting for cuda:{}", device);
  return true;
}

// The runtime says that the driver is too old also where there is none.
void require_no_driver() {
  int driver = 0;
  DRIFT_CUDA(cudaDriverGetVersion(&driver), "counting CUDA devices");
  DRIFT_CHECK(kDevice, driver == 0,
              "the NVIDIA driver of this machine is one of CUDA {}, this build is made with CUDA {} and needs a driver "
              "of CUDA {} or newer: update the driver, build with a CUDA toolkit of the driver's version (12.4 or "
              "newer), or use --device cpu",
              cuda_version(driver), cuda_version(CUDART_VERSION), CUDART_VERSION / 1000);
}

}  // namespace

void use_device(int device) {
  int current = -1;
  DRIFT_CUDA(cudaGetDevice(&current), "making cuda:{} the current device", device);
  if (current != device) DRIFT_CUDA(cudaSetDevice(device), "making cuda:{} the current device", device);
}

bool use_device_to_release(int device) noexcept {
  if (device_watch().gave_up()) return false;
  int current = -1;
  warn_cuda(cudaGetDevice(&current), "cudaGetDevice");
  if (current != device) warn_cuda(cudaSetDevice(device), "cudaSetDevice");
  return true;
}

void wait_for_stream(int device, cudaStream_t stream) {
  device_watch().wait({DeviceType::kCuda, device},
                      [=] { return is_done(cudaStreamQuery(stream), "cudaStreamQuery", device); });
}

void wait_for_event(int device, cudaEvent_t event) {
  device_watch().wait({DeviceType::kCuda, device}, [=] { return is_reached(device, event); });
}

bool is_reached(int device, cudaEvent_t event) {
  return is_done(cudaEventQuery(event), "cudaEventQuery", device);
}

std::string why_unusable(int capability, std::span<const int> architectures, int toolkit) {
  if (capability < architectures.front()) {
    return fmt::format("this build has code for sm_{} and newer GPUs", fmt::join(architectures, ", sm_"));
  }
  constexpr int kBlackwell = 100, kToolkitOfBlackwell = 12080;
  if (capability >= kBlackwell && toolkit < kToolkitOfBlackwell) {
    return fmt::format("for it, cuDNN wants the compiler of CUDA {} or newer, and this build is made with CUDA {}",
                       cuda_version(kToolkitOfBlackwell), cuda_version(toolkit));
  }
  return "";
}

cudaStream_t cuda_handle(Stream& stream) {
  auto* const cuda = dynamic_cast<CudaStream*>(&stream);
  DRIFT_ASSERT(cuda != nullptr, "a stream on {} is no CUDA stream", to_string(stream.device()));
  return cuda->handle();
}

// The first call into CUDA, which reads its environment then: it maps the streams of a process to 8 hardware queues
// unless told otherwise, so that some of more than 8 workers would wait for each other.
int cuda_device_count() {
  setenv("CUDA_DEVICE_MAX_CONNECTIONS", "32", /*overwrite=*/0);
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess) return count;
  cudaGetLastError();  // forget it: the runtime keeps reporting the last error
  // A build with CUDA on a machine without a GPU or without a driver is an ordinary case, not an error.
  if (status == cudaErrorInsufficientDriver) require_no_driver();
  if (status == cudaErrorNoDevice || status == cudaErrorInsufficientDriver) return 0;
  DRIFT_CUDA_STATUS(status, "cudaGetDeviceCount", "counting CUDA devices");
  return 0;
}

int compute_capability(int device) {
  int major = 0, minor = 0;
  DRIFT_CUDA(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device), "looking at cuda:{}", device);
  DRIFT_CUDA(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device), "looking at cuda:{}", device);
  return 10 * major + minor;
}

void require_cuda_device(int device) {
  const std::string reason = why_unusable(compute_capability(device), built_architectures(), CUDART_VERSION);
  DRIFT_CHECK(kDevice, reason.empty(),
              "cuda:{} ({}) cannot be used: {}. Use another GPU (--device cuda:N) or --device cpu", device,
              cuda_device_name(device), reason);
}

std::string cuda_device_name(int device) {
  cudaDeviceProp properties{};
  DRIFT_CUDA(cudaGetDeviceProperties(&properties, device), "the properties of cuda:{}", device);
  return fmt::format("{}, sm_{}{}", properties.name, properties.major, properties.minor);
}

void make_cuda_current(int device) {
  use_device(device);
}

std::int64_t free_bytes_cuda(int device) {
  use_device(device);
  std::size_t free = 0, total = 0;
  DRIFT_CUDA(cudaMemGetInfo(&free, &total), "the free memory of cuda:{}", device);
  return static_cast<std::int64_t>(free);
}

std::unique_ptr<Stream> make_cuda_stream(int device) {
  require_cuda_device(device);
  return std::make_unique<CudaStream>(device);
}

void* allocate_cuda(int device, std::size_t bytes) {
  use_device(device);
  void* data = nullptr;
  const cudaError_t status = cudaMalloc(&data, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    return nullptr;
  }
  DRIFT_CUDA_STATUS(status, "cudaMalloc", "{} bytes on cuda:{}", bytes, device);
  return data;
}

void free_cuda(int device, void* data) noexcept {
  if (use_device_to_release(device)) warn_cuda(cudaFree(data), "cudaFree");
}

void* allocate_cuda_host(int device, std::size_t bytes) {
  use_device(device);
  void* data = nullptr;
  const cudaError_t status = cudaMallocHost(&data, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    return nullptr;
  }
  DRIFT_CUDA_STATUS(status, "cudaMallocHost", "{} bytes of page-locked host memory for cuda:{}", bytes, device);
  return data;
}

void free_cuda_host(int device, void* data) noexcept {
  if (use_device_to_release(device)) warn_cuda(cudaFreeHost(data), "cudaFreeHost");
}

void* make_cuda_event(int device) {
  use_device(device);
  cudaEvent_t event = nullptr;
  DRIFT_CUDA(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "an event on cuda:{}", device);
  return event;
}

void destroy_cuda_event(int device, void* event) noexcept {
  if (!use_device_to_release(device)) return;
  warn_cuda(cudaEventDestroy(static_cast<cudaEvent_t>(event)), "cudaEventDestroy");
}

void record_cuda_event(void* event, Stream& stream) {
  use_device(stream.device().index);
  DRIFT_CUDA(cudaEventRecord(static_cast<cudaEvent_t>(event), cuda_handle(stream)), "an event on {}",
             to_string(stream.device()));
}

void copy_from_host_cuda(Stream& stream, const void* from, std::size_t bytes, void* to) {
  use_device(stream.device().index);
  DRIFT_CUDA(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, cuda_handle(stream)), "a copy of {} bytes to {}",
             bytes, to_string(stream.device()));
}

void wait_cuda_event(void* event, Stream& stream) {
  use_device(stream.device().index);
  DRIFT_CUDA(cudaStreamWaitEvent(cuda_handle(stream), static_cast<cudaEvent_t>(event), 0), "a wait on {}",
             to_string(stream.device()));
}

void begin_cuda_profile(int device) {
  use_device(device);
  DRIFT_CUDA(cudaProfilerStart(), "cudaProfilerStart on cuda:{}", device);
}

void end_cuda_profile(int device) noexcept {
  if (use_device_to_release(device)) warn_cuda(cudaProfilerStop(), "cudaProfilerStop");
}

void synchronize_cuda_event(int device, void* event) {
  use_device(device);
  wait_for_event(device, static_cast<cudaEvent_t>(event));
}

}  // namespace drift
