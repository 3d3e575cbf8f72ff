// The runtime API as the emulator models it: order of streams, captures, graphs, memory, launch limits, properties.
#include <mutex>
#include <numeric>
#include <thread>

#include "tests/emulator/tests/device_vector.h"

namespace drift::emulator::testing {
namespace {

__global__ void add(float* values, int count, float amount) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) values[i] += amount;
}
__global__ void scale(float* to, const float* from, int count, float factor) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) to[i] = from[i] * factor;
}
__global__ void fill_dynamic(float* out) {
  extern __shared__ float values[];
  values[threadIdx.x] = threadIdx.x;
  __syncthreads();
  out[threadIdx.x] = values[31 - threadIdx.x];
}
__global__ void __launch_bounds__(128) at_most_128(float* out) {
  out[threadIdx.x] = 1;
}

constexpr int kCount = 1000;
constexpr int kBlocks = 4, kThreads = 256;

class Runtime : public ::testing::Test {
 protected:
  void SetUp() override {
    CUDA_OK(cudaStreamCreateWithFlags(&first, cudaStreamNonBlocking));
    CUDA_OK(cudaStreamCreateWithFlags(&second, cudaStreamNonBlocking));
    CUDA_OK(cudaEventCreateWithFlags(&fork, cudaEventDisableTiming));
    CUDA_OK(cudaEventCreateWithFlags(&join, cudaEventDisableTiming));
  }
  void TearDown() override {
    CUDA_OK(cudaDeviceSynchronize());
    EXPECT_EQ(cudaGetLastError(), cudaSuccess);
    CUDA_OK(cudaStreamDestroy(first));
    CUDA_OK(cudaStreamDestroy(second));
    CUDA_OK(cudaEventDestroy(fork));
    CUDA_OK(cudaEventDestroy(join));
  }
  // The last error is the one that the test provoked; the next call starts clean.
  static void expect_refused(cudaError_t got, cudaError_t expected) {
    EXPECT_EQ(got, expected) << cudaGetErrorName(got);
    EXPECT_EQ(cudaGetLastError(), expected);
  }
  // x += 1 on the first stream, y = 2x on the second, then x += 1 again: two edges between the streams.
  void fork_and_join(float* x, float* y) {
    add<<<kBlocks, kThreads, 0, first>>>(x, kCount, 1.f);
    CUDA_OK(cudaEventRecord(fork, first));
    CUDA_OK(cudaStreamWaitEvent(second, fork, 0));
    scale<<<kBlocks, kThreads, 0, second>>>(y, x, kCount, 2.f);
    CUDA_OK(cudaEventRecord(join, second));
    CUDA_OK(cudaStreamWaitEvent(first, join, 0));
    add<<<kBlocks, kThreads, 0, first>>>(x, kCount, 1.f);
  }
  void capture(float* x, float* y, cudaGraph_t* graph) {
    CUDA_OK(cudaStreamBeginCapture(first, cudaStreamCaptureModeThreadLocal));
    fork_and_join(x, y);
    CUDA_OK(cudaStreamEndCapture(first, graph));
  }

  cudaStream_t first = nullptr, second = nullptr;
  cudaEvent_t fork = nullptr, join = nullptr;
};

TEST_F(Runtime, EventsOrderStreams) {
  DeviceVector<float> x(kCount), y(kCount);
  CUDA_OK(cudaDeviceSynchronize());
  for (int i = 0; i < 3; ++i) fork_and_join(x.data(), y.data());
  CUDA_OK(cudaStreamSynchronize(first));
  EXPECT_EQ(x.host()[kCount - 1], 6.f);
  EXPECT_EQ(y.host()[kCount - 1], 10.f);
}

TEST_F(Runtime, CapturedGraphReplaysLikeTheStreams) {
  DeviceVector<float> x(kCount), y(kCount);
  CUDA_OK(cudaDeviceSynchronize());
  cudaGraph_t graph = nullptr;
  capture(x.data(), y.data(), &graph);
  EXPECT_EQ(x.host()[0], 0.f) << "a capture runs nothing";
  std::size_t nodes = 0;
  CUDA_OK(cudaGraphGetNodes(graph, nullptr, &nodes));
  EXPECT_EQ(nodes, 3u);
  cudaGraphExec_t executable = nullptr;
  CUDA_OK(cudaGraphInstantiate(&executable, graph, 0));
  CUDA_OK(cudaGraphDestroy(graph));
  for (int i = 0; i < 3; ++i) CUDA_OK(cudaGraphLaunch(executable, i % 2 == 0 ? first : second));
  CUDA_OK(cudaGraphExecDestroy(executable));  // while launches are under way
  CUDA_OK(cudaDeviceSynchronize());
  EXPECT_EQ(x.host()[kCount - 1], 6.f);
  EXPECT_EQ(y.host()[kCount - 1], 10.f);
}

TEST_F(Runtime, KernelNodesCanBeChangedAndGraphsUpdated) {
  DeviceVector<float> x(kCount), y(kCount), other(kCount);
  CUDA_OK(cudaDeviceSynchronize());
  cudaGraph_t graph = nullptr;
  capture(x.data(), y.data(), &graph);
  cudaGraphExec_t executable = nullptr;
  CUDA_OK(cudaGraphInstantiate(&executable, graph, 0));
  cudaGraphNode_t nodes[3];
  std::size_t count = 3;
  CUDA_OK(cudaGraphGetNodes(graph, nodes, &count));
  cudaGraphNodeType type;
  CUDA_OK(cudaGraphNodeGetType(nodes[0], &type));
  EXPECT_EQ(type, cudaGraphNodeTypeKernel);
  cudaKernelNodeParams params;
  CUDA_OK(cudaGraphKernelNodeGetParams(nodes[0], &params));
  EXPECT_EQ(params.func, reinterpret_cast<void*>(add));
  EXPECT_EQ(params.blockDim.x, static_cast<unsigned>(kThreads));
  float amount = 10;
  void* arguments[] = {params.kernelParams[0], params.kernelParams[1], &amount};
  params.kernelParams = arguments;
  CUDA_OK(cudaGraphExecKernelNodeSetParams(executable, nodes[0], &params));
  CUDA_OK(cudaGraphLaunch(executable, first));
  CUDA_OK(cudaStreamSynchronize(first));
  EXPECT_EQ(y.host()[0], 20.f);

  cudaGraph_t same_shape = nullptr;
  capture(other.data(), y.data(), &same_shape);
  cudaGraphExecUpdateResultInfo info;
  CUDA_OK(cudaGraphExecUpdate(executable, same_shape, &info));
  CUDA_OK(cudaGraphLaunch(executable, first));
  CUDA_OK(cudaStreamSynchronize(first));
  EXPECT_EQ(other.host()[0], 2.f);
  EXPECT_EQ(y.host()[0], 2.f);
  CUDA_OK(cudaGraphExecDestroy(executable));
  CUDA_OK(cudaGraphDestroy(same_shape));
  CUDA_OK(cudaGraphDestroy(graph));
}

TEST_F(Runtime, CaptureRefusesWhatItCannotRecord) {
  cudaGraph_t graph = nullptr;
  void* memory = nullptr;
  CUDA_OK(cudaStreamBeginCapture(first, cudaStreamCaptureModeThreadLocal));
  cudaStreamCaptureStatus status;
  CUDA_OK(cudaStreamIsCapturing(first, &status));
  EXPECT_EQ(status, cudaStreamCaptureStatusActive);
  expect_refused(cudaMalloc(&memory, 16), cudaErrorStreamCaptureUnsupported);
  expect_refused(cudaStreamEndCapture(first, &graph), cudaErrorStreamCaptureInvalidated);
  EXPECT_EQ(graph, nullptr);

  CUDA_OK(cudaStreamBeginCapture(first, cudaStreamCaptureModeThreadLocal));
  expect_refused(cudaStreamSynchronize(first), cudaErrorStreamCaptureUnsupported);
  expect_refused(cudaStreamEndCapture(first, &graph), cudaErrorStreamCaptureInvalidated);

  CUDA_OK(cudaEventRecord(fork, second));  // work outside the capture
  CUDA_OK(cudaStreamBeginCapture(first, cudaStreamCaptureModeThreadLocal));
  expect_refused(cudaStreamWaitEvent(first, fork, 0), cudaErrorStreamCaptureIsolation);
  expect_refused(cudaStreamEndCapture(first, &graph), cudaErrorStreamCaptureInvalidated);
}

TEST_F(Runtime, UnjoinedStreamEndsACapture) {
  DeviceVector<float> x(kCount);
  CUDA_OK(cudaStreamBeginCapture(first, cudaStreamCaptureModeThreadLocal));
  CUDA_OK(cudaEventRecord(fork, first));
  CUDA_OK(cudaStreamWaitEvent(second, fork, 0));
  add<<<kBlocks, kThreads, 0, second>>>(x.data(), kCount, 1.f);
  cudaGraph_t graph = nullptr;
  expect_refused(cudaStreamEndCapture(first, &graph), cudaErrorStreamCaptureUnjoined);
}

TEST_F(Runtime, CaptureModesFollowTheThread) {
  CUDA_OK(cudaStreamBeginCapture(first, cudaStreamCaptureModeThreadLocal));
  cudaError_t elsewhere = cudaErrorUnknown;
  std::thread([&] {
    void* memory = nullptr;
    elsewhere = cudaMalloc(&memory, 16);
    cudaFree(memory);
  }).join();
  EXPECT_EQ(elsewhere, cudaSuccess) << "another thread is free to allocate";
  cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed;
  CUDA_OK(cudaThreadExchangeStreamCaptureMode(&mode));
  void* memory = nullptr;
  EXPECT_EQ(cudaMalloc(&memory, 16), cudaSuccess);
  CUDA_OK(cudaThreadExchangeStreamCaptureMode(&mode));
  cudaGraph_t graph = nullptr;
  CUDA_OK(cudaStreamEndCapture(first, &graph));
  CUDA_OK(cudaGraphDestroy(graph));
  CUDA_OK(cudaFree(memory));
}

TEST_F(Runtime, CaptureInfoLendsTheGraphToUserObjects) {
  CUDA_OK(cudaStreamBeginCapture(first, cudaStreamCaptureModeThreadLocal));
  static int destroyed = 0;
  destroyed = 0;
  cudaUserObject_t object = nullptr;
  CUDA_OK(cudaUserObjectCreate(
      &object, &destroyed, [](void* counter) { ++*static_cast<int*>(counter); }, 1, cudaUserObjectNoDestructorSync));
  cudaStreamCaptureStatus status;
  cudaGraph_t lent = nullptr;
#if CUDART_VERSION >= 13000
  CUDA_OK(cudaStreamGetCaptureInfo(first, &status, nullptr, &lent, nullptr, nullptr, nullptr));
#else
  CUDA_OK(cudaStreamGetCaptureInfo(first, &status, nullptr, &lent, nullptr, nullptr));
#endif
  CUDA_OK(cudaGraphRetainUserObject(lent, object, 1, cudaGraphUserObjectMove));
  cudaGraph_t graph = nullptr;
  CUDA_OK(cudaStreamEndCapture(first, &graph));
  EXPECT_EQ(graph, lent);
  EXPECT_EQ(destroyed, 0);
  CUDA_OK(cudaGraphDestroy(graph));
  EXPECT_EQ(destroyed, 1);
}

TEST_F(Runtime, DefaultStreamWaitsForBlockingStreams) {
  DeviceVector<float> x(kCount), y(kCount);
  cudaStream_t blocking = nullptr;
  CUDA_OK(cudaStreamCreate(&blocking));
  add<<<kBlocks, kThreads, 0, blocking>>>(x.data(), kCount, 1.f);
  scale<<<kBlocks, kThreads>>>(y.data(), x.data(), kCount, 2.f);
  add<<<kBlocks, kThreads, 0, blocking>>>(x.data(), kCount, 1.f);
  CUDA_OK(cudaDeviceSynchronize());
  EXPECT_EQ(y.host()[0], 2.f);
  CUDA_OK(cudaStreamDestroy(blocking));
}

TEST_F(Runtime, StreamOrderedMemory) {
  float* memory = nullptr;
  std::size_t before = 0, during = 0, after = 0, total = 0;
  CUDA_OK(cudaMemGetInfo(&before, &total));
  CUDA_OK(cudaMallocAsync(reinterpret_cast<void**>(&memory), kCount * sizeof(float), first));
  CUDA_OK(cudaMemsetAsync(memory, 0, kCount * sizeof(float), first));
  add<<<kBlocks, kThreads, 0, first>>>(memory, kCount, 3.f);
  float result = 0;
  CUDA_OK(cudaMemcpyAsync(&result, memory, sizeof result, cudaMemcpyDeviceToHost, first));
  EXPECT_EQ(result, 3.f) << "a copy to pageable memory is done when it returns";
  CUDA_OK(cudaMemGetInfo(&during, &total));
  CUDA_OK(cudaFreeAsync(memory, first));
  CUDA_OK(cudaStreamSynchronize(first));
  CUDA_OK(cudaMemGetInfo(&after, &total));
  EXPECT_EQ(before - during, kCount * sizeof(float));
  EXPECT_EQ(after, before);
}

TEST_F(Runtime, MemoryThatIsNotThereIsRefused) {
  std::size_t free_bytes = 0, total = 0;
  CUDA_OK(cudaMemGetInfo(&free_bytes, &total));
  void* memory = nullptr;
  expect_refused(cudaMalloc(&memory, free_bytes + 1), cudaErrorMemoryAllocation);
  expect_refused(cudaMallocAsync(&memory, free_bytes + 1, first), cudaErrorMemoryAllocation);
  expect_refused(cudaFree(this), cudaErrorInvalidValue);
}

TEST_F(Runtime, PinnedCopiesReadTheirSourceWhenTheyRun) {
  float* pinned = nullptr;
  CUDA_OK(cudaMallocHost(reinterpret_cast<void**>(&pinned), kCount * sizeof(float)));
  std::iota(pinned, pinned + kCount, 0.f);
  DeviceVector<float> x(kCount);
  CUDA_OK(cudaMemcpyAsync(x.data(), pinned, kCount * sizeof(float), cudaMemcpyHostToDevice, first));
  add<<<kBlocks, kThreads, 0, first>>>(x.data(), kCount, 1.f);
  CUDA_OK(cudaMemcpyAsync(pinned, x.data(), kCount * sizeof(float), cudaMemcpyDeviceToHost, first));
  CUDA_OK(cudaStreamSynchronize(first));
  EXPECT_EQ(pinned[kCount - 1], static_cast<float>(kCount));
  cudaPointerAttributes attributes;
  CUDA_OK(cudaPointerGetAttributes(&attributes, pinned));
  EXPECT_EQ(attributes.type, cudaMemoryTypeHost);
  CUDA_OK(cudaPointerGetAttributes(&attributes, x.data()));
  EXPECT_EQ(attributes.type, cudaMemoryTypeDevice);
  CUDA_OK(cudaFreeHost(pinned));
}

TEST_F(Runtime, CopiesCheckTheirDirectionAndLength) {
  DeviceVector<float> x(kCount);
  float value = 0;
  expect_refused(cudaMemcpy(&value, x.data(), sizeof value, cudaMemcpyHostToDevice), cudaErrorInvalidMemcpyDirection);
  expect_refused(cudaMemset(x.data(), 0, (kCount + 1) * sizeof(float)), cudaErrorInvalidValue);
}

TEST_F(Runtime, EventsMeasureTimeThatGrows) {
  cudaEvent_t start = nullptr, end = nullptr;
  CUDA_OK(cudaEventCreate(&start));
  CUDA_OK(cudaEventCreate(&end));
  DeviceVector<float> x(kCount);
  CUDA_OK(cudaDeviceSynchronize());
  CUDA_OK(cudaEventRecord(start, first));
  add<<<kBlocks, kThreads, 0, first>>>(x.data(), kCount, 1.f);
  CUDA_OK(cudaEventRecord(end, first));
  float milliseconds = -1;
  expect_refused(cudaEventElapsedTime(&milliseconds, start, end), cudaErrorNotReady);
  CUDA_OK(cudaEventSynchronize(end));
  CUDA_OK(cudaEventElapsedTime(&milliseconds, start, end));
  EXPECT_GT(milliseconds, 0.f);
  expect_refused(cudaEventElapsedTime(&milliseconds, fork, end), cudaErrorInvalidResourceHandle);
  CUDA_OK(cudaEventDestroy(start));
  CUDA_OK(cudaEventDestroy(end));
}

TEST_F(Runtime, PollingEndsAndHostFunctionsMayWaitForThreads) {
  std::mutex held;
  held.lock();
  CUDA_OK(cudaLaunchHostFunc(
      first, [](void* mutex) { static_cast<std::mutex*>(mutex)->lock(); }, &held));
  std::thread poll([&] {
    while (cudaStreamQuery(first) == cudaErrorNotReady) {
    }
  });
  void* memory = nullptr;
  CUDA_OK(cudaMalloc(&memory, 16));  // the emulator's lock is free while the host function waits
  held.unlock();
  poll.join();
  held.unlock();
  CUDA_OK(cudaFree(memory));
}

TEST_F(Runtime, LaunchesMustFitTheDevice) {
  DeviceVector<float> x(2048);
  add<<<1, 2048>>>(x.data(), 1, 1.f);
  expect_refused(cudaPeekAtLastError(), cudaErrorInvalidConfiguration);
  at_most_128<<<1, 256>>>(x.data());
  expect_refused(cudaPeekAtLastError(), cudaErrorLaunchOutOfResources);
  const int bytes = 60000;
  fill_dynamic<<<1, 32, bytes, first>>>(x.data());
  expect_refused(cudaPeekAtLastError(), cudaErrorInvalidValue);
  CUDA_OK(cudaFuncSetAttribute(fill_dynamic, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
  fill_dynamic<<<1, 32, bytes>>>(x.data());
  EXPECT_EQ(x.host()[0], 31.f);
  expect_refused(cudaFuncSetAttribute(fill_dynamic, cudaFuncAttributeMaxDynamicSharedMemorySize, 300000),
                 cudaErrorInvalidValue);
}

TEST_F(Runtime, OccupancyFollowsThreadsAndSharedMemory) {
  int blocks = 0;
  CUDA_OK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, fill_dynamic, 256, 0));
  EXPECT_EQ(blocks, 8);
  CUDA_OK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, fill_dynamic, 32, 100 * 1024));
  EXPECT_EQ(blocks, 2);
  cudaFuncAttributes attributes;
  CUDA_OK(cudaFuncGetAttributes(&attributes, at_most_128));
  EXPECT_EQ(attributes.maxThreadsPerBlock, 128);
}

TEST_F(Runtime, PropertiesAndAttributesAgree) {
  cudaDeviceProp properties;
  CUDA_OK(cudaGetDeviceProperties(&properties, 0));
  EXPECT_STREQ(properties.name, "Emulated sm_90");
  int value = 0;
  CUDA_OK(cudaDeviceGetAttribute(&value, cudaDevAttrMultiProcessorCount, 0));
  EXPECT_EQ(value, properties.multiProcessorCount);
  CUDA_OK(cudaDeviceGetAttribute(&value, cudaDevAttrComputeCapabilityMajor, 0));
  EXPECT_EQ(value, properties.major);
  expect_refused(cudaSetDevice(1), cudaErrorInvalidDevice);
}

TEST_F(Runtime, GraphsRecordEventsForThoseOutside) {
  DeviceVector<float> x(kCount);
  cudaEvent_t start = nullptr, end = nullptr;
  CUDA_OK(cudaEventCreate(&start));
  CUDA_OK(cudaEventCreate(&end));
  CUDA_OK(cudaDeviceSynchronize());
  CUDA_OK(cudaStreamBeginCapture(first, cudaStreamCaptureModeThreadLocal));
  CUDA_OK(cudaEventRecordWithFlags(start, first, cudaEventRecordExternal));
  add<<<kBlocks, kThreads, 0, first>>>(x.data(), kCount, 1.f);
  CUDA_OK(cudaEventRecordWithFlags(end, first, cudaEventRecordExternal));
  cudaGraph_t graph = nullptr;
  CUDA_OK(cudaStreamEndCapture(first, &graph));
  cudaGraphExec_t executable = nullptr;
  CUDA_OK(cudaGraphInstantiate(&executable, graph, 0));
  CUDA_OK(cudaGraphLaunch(executable, first));
  CUDA_OK(cudaEventSynchronize(end));
  float milliseconds = 0;
  CUDA_OK(cudaEventElapsedTime(&milliseconds, start, end));
  EXPECT_GT(milliseconds, 0.f);
  CUDA_OK(cudaGraphExecDestroy(executable));
  CUDA_OK(cudaGraphDestroy(graph));
  CUDA_OK(cudaEventDestroy(start));
  CUDA_OK(cudaEventDestroy(end));
}

}  // namespace
}  // namespace drift::emulator::testing
