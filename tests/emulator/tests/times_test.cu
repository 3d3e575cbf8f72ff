// The virtual clock behind cudaEventElapsedTime: what follows what, what overlaps, what the host adds, how bytes count.
// All times are exact, under every seed.
#include "tests/emulator/tests/device_vector.h"

namespace drift::emulator::testing {
namespace {

__global__ void copy(float4* to, const float4* from) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  to[i] = from[i];
}
__global__ void nothing() {}
__device__ long long timer() {
  long long now;
  asm volatile("mov.u64 %0, %globaltimer;" : "=l"(now)::"memory");
  return now;
}
__global__ void read_timer(long long* to) {
  *to = timer();
}
__global__ void wait_on_device(long long nanoseconds) {
  const long long begin = timer();
  while (timer() - begin < nanoseconds) {
  }
}

constexpr unsigned kBlocks = 1024, kThreads = 256;
constexpr std::size_t kBytes = kBlocks * kThreads * sizeof(float4);
constexpr std::size_t kMuchMemory = 64 << 20;
constexpr double kTolerance = 0.002;  // microseconds: each duration is a whole number of nanoseconds

class Times : public ::testing::Test {
 protected:
  void SetUp() override {
    for (cudaStream_t* stream : {&first, &second}) CUDA_OK(cudaStreamCreateWithFlags(stream, cudaStreamNonBlocking));
    for (cudaEvent_t* event : {&start, &end, &fork, &join}) CUDA_OK(cudaEventCreate(event));
    for (float4** memory : {&x, &y, &z}) CUDA_OK(cudaMalloc(reinterpret_cast<void**>(memory), kBytes));
    CUDA_OK(cudaMalloc(&much, kMuchMemory));
    CUDA_OK(cudaMemset(x, 0, kBytes));
    CUDA_OK(cudaDeviceSynchronize());
  }
  void TearDown() override {
    CUDA_OK(cudaDeviceSynchronize());
    for (cudaStream_t stream : {first, second}) CUDA_OK(cudaStreamDestroy(stream));
    for (cudaEvent_t event : {start, end, fork, join}) CUDA_OK(cudaEventDestroy(event));
    for (void* memory : {static_cast<void*>(x), static_cast<void*>(y), static_cast<void*>(z), much}) {
      CUDA_OK(cudaFree(memory));
    }
  }
  static double bytes_per_microsecond() {
    int kilohertz = 0, bits = 0;
    EXPECT_EQ(cudaDeviceGetAttribute(&kilohertz, cudaDevAttrMemoryClockRate, 0), cudaSuccess);
    EXPECT_EQ(cudaDeviceGetAttribute(&bits, cudaDevAttrGlobalMemoryBusWidth, 0), cudaSuccess);
    return 2.0 * kilohertz * 1e-3 * bits / 8;
  }
  static double copy_time() { return 2.0 * kBytes / bytes_per_microsecond(); }
  // So long that the host has queued everything before the device comes to it.
  void keep_busy() { CUDA_OK(cudaMemsetAsync(much, 0, kMuchMemory, first)); }
  void launch_copy(cudaStream_t stream, float4* to) { copy<<<kBlocks, kThreads, 0, stream>>>(to, x); }
  double microseconds(cudaEvent_t from, cudaEvent_t to) {
    float milliseconds = -1;
    EXPECT_EQ(cudaEventSynchronize(to), cudaSuccess);
    EXPECT_EQ(cudaEventElapsedTime(&milliseconds, from, to), cudaSuccess);
    return 1e3 * milliseconds;
  }
  cudaGraphExec_t executable(cudaGraph_t graph) {
    cudaGraphExec_t made = nullptr;
    EXPECT_EQ(cudaGraphInstantiate(&made, graph, 0), cudaSuccess);
    EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
    return made;
  }

  cudaStream_t first = nullptr, second = nullptr;
  cudaEvent_t start = nullptr, end = nullptr, fork = nullptr, join = nullptr;
  float4 *x = nullptr, *y = nullptr, *z = nullptr;
  void* much = nullptr;
};

TEST_F(Times, FollowTheBytesOfKernelsAndFills) {
  keep_busy();
  CUDA_OK(cudaEventRecord(start, first));
  launch_copy(first, y);
  CUDA_OK(cudaEventRecord(fork, first));
  nothing<<<1, 1, 0, first>>>();
  CUDA_OK(cudaEventRecord(join, first));
  CUDA_OK(cudaMemsetAsync(much, 1, kMuchMemory, first));
  CUDA_OK(cudaEventRecord(end, first));
  EXPECT_NEAR(microseconds(start, fork), copy_time(), kTolerance);
  EXPECT_GT(copy_time(), 2.0) << "more than the least that a kernel takes";
  EXPECT_NEAR(microseconds(fork, join), 2.0, kTolerance);
  EXPECT_NEAR(microseconds(join, end), kMuchMemory / bytes_per_microsecond(), kTolerance);
}

TEST_F(Times, OfHostCopiesAreBytesAndALatency) {
  char* pinned = nullptr;
  CUDA_OK(cudaMallocHost(reinterpret_cast<void**>(&pinned), kBytes));
  keep_busy();
  CUDA_OK(cudaEventRecord(start, first));
  CUDA_OK(cudaMemcpyAsync(y, pinned, 1, cudaMemcpyHostToDevice, first));
  CUDA_OK(cudaEventRecord(fork, first));
  CUDA_OK(cudaMemcpyAsync(pinned, x, kBytes, cudaMemcpyDeviceToHost, first));
  CUDA_OK(cudaEventRecord(end, first));
  EXPECT_NEAR(microseconds(start, fork), 5.0, kTolerance);
  EXPECT_NEAR(microseconds(fork, end), 5.0 + kBytes / 50e3, kTolerance);
  CUDA_OK(cudaFreeHost(pinned));
}

TEST_F(Times, AddUpInOneStream) {
  keep_busy();
  CUDA_OK(cudaEventRecord(start, first));
  launch_copy(first, y);
  launch_copy(first, z);
  CUDA_OK(cudaEventRecord(end, first));
  EXPECT_NEAR(microseconds(start, end), 2 * copy_time(), kTolerance);
}

TEST_F(Times, OverlapInTwoStreamsUnlessOneWaits) {
  for (const bool waits : {false, true}) {
    keep_busy();
    CUDA_OK(cudaEventRecord(start, first));
    if (!waits) CUDA_OK(cudaStreamWaitEvent(second, start, 0));
    launch_copy(first, y);
    CUDA_OK(cudaEventRecord(fork, first));
    if (waits) CUDA_OK(cudaStreamWaitEvent(second, fork, 0));
    launch_copy(second, z);
    CUDA_OK(cudaEventRecord(join, second));
    CUDA_OK(cudaStreamWaitEvent(first, join, 0));
    CUDA_OK(cudaEventRecord(end, first));
    EXPECT_NEAR(microseconds(start, end), (waits ? 2 : 1) * copy_time(), kTolerance);
  }
}

// A begin that is recorded before the host is ready to launch measures the host, where the device has nothing to do.
TEST_F(Times, OfAnIdleStreamIncludeTheHost) {
  for (const bool busy : {true, false}) {
    CUDA_OK(cudaDeviceSynchronize());
    if (busy) keep_busy();
    int device = 0;
    CUDA_OK(cudaEventRecord(start, first));
    for (int call = 0; call < 6; ++call) CUDA_OK(cudaGetDevice(&device));
    launch_copy(first, y);
    CUDA_OK(cudaEventRecord(end, first));
    EXPECT_NEAR(microseconds(start, end), copy_time() + (busy ? 0 : 6 * 0.5 + 2), kTolerance);
  }
}

TEST_F(Times, AreRecordedInEachReplay) {
  CUDA_OK(cudaStreamBeginCapture(first, cudaStreamCaptureModeThreadLocal));
  CUDA_OK(cudaEventRecordWithFlags(start, first, cudaEventRecordExternal));
  launch_copy(first, y);
  launch_copy(first, z);
  CUDA_OK(cudaEventRecordWithFlags(end, first, cudaEventRecordExternal));
  CUDA_OK(cudaMemsetAsync(much, 1, kMuchMemory, first));
  cudaGraph_t graph = nullptr;
  CUDA_OK(cudaStreamEndCapture(first, &graph));
  const cudaGraphExec_t replayed = executable(graph);
  CUDA_OK(cudaEventRecord(fork, first));
  CUDA_OK(cudaEventSynchronize(fork));
  for (int replay = 0; replay < 2; ++replay) {
    CUDA_OK(cudaGraphLaunch(replayed, first));
    EXPECT_EQ(cudaEventQuery(end), cudaErrorNotReady);
    EXPECT_EQ(cudaGetLastError(), cudaErrorNotReady);
    EXPECT_NEAR(microseconds(start, end), 2 * copy_time(), kTolerance);
    EXPECT_EQ(cudaStreamQuery(first), cudaErrorNotReady) << "the event was recorded before the graph's last node";
    EXPECT_EQ(cudaGetLastError(), cudaErrorNotReady);
  }
  // The first launch begins when the host has made it; the second waits for the fill of the first.
  CUDA_OK(cudaEventRecord(join, first));
  EXPECT_GT(microseconds(fork, join), 4 * copy_time() + 2 * kMuchMemory / bytes_per_microsecond());
  CUDA_OK(cudaGraphExecDestroy(replayed));
}

TEST_F(Times, OfNodesThatNothingOrdersOverlap) {
  CUDA_OK(cudaStreamBeginCapture(first, cudaStreamCaptureModeThreadLocal));
  CUDA_OK(cudaEventRecord(fork, first));
  CUDA_OK(cudaStreamWaitEvent(second, fork, 0));
  launch_copy(first, y);
  launch_copy(second, z);
  CUDA_OK(cudaEventRecord(join, second));
  CUDA_OK(cudaStreamWaitEvent(first, join, 0));
  cudaGraph_t graph = nullptr;
  CUDA_OK(cudaStreamEndCapture(first, &graph));
  const cudaGraphExec_t replayed = executable(graph);
  keep_busy();
  CUDA_OK(cudaEventRecord(start, first));
  CUDA_OK(cudaGraphLaunch(replayed, first));
  CUDA_OK(cudaEventRecord(end, first));
  EXPECT_NEAR(microseconds(start, end), copy_time(), kTolerance);
  float milliseconds = 0;
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, fork, end), cudaErrorCapturedEvent) << "it was an edge, no record";
  EXPECT_EQ(cudaGetLastError(), cudaErrorCapturedEvent);
  CUDA_OK(cudaGraphExecDestroy(replayed));
}

TEST_F(Times, OfAGraphThatWaitsForAnEventBeginThere) {
  CUDA_OK(cudaStreamBeginCapture(second, cudaStreamCaptureModeThreadLocal));
  CUDA_OK(cudaStreamWaitEvent(second, fork, cudaEventWaitExternal));
  launch_copy(second, z);
  CUDA_OK(cudaEventRecordWithFlags(end, second, cudaEventRecordExternal));
  cudaGraph_t graph = nullptr;
  CUDA_OK(cudaStreamEndCapture(second, &graph));
  const cudaGraphExec_t replayed = executable(graph);
  keep_busy();
  CUDA_OK(cudaEventRecord(start, first));
  launch_copy(first, y);
  CUDA_OK(cudaEventRecord(fork, first));
  CUDA_OK(cudaGraphLaunch(replayed, second));
  EXPECT_NEAR(microseconds(start, end), 2 * copy_time(), kTolerance);
  CUDA_OK(cudaGraphExecDestroy(replayed));
}

// What kernels read of it is the time between the events around them.
TEST_F(Times, OfTheDevicesTimerAreThoseOfEvents) {
  long long* const read = reinterpret_cast<long long*>(z);
  CUDA_OK(cudaStreamBeginCapture(first, cudaStreamCaptureModeThreadLocal));
  read_timer<<<1, 1, 0, first>>>(read);
  CUDA_OK(cudaEventRecordWithFlags(start, first, cudaEventRecordExternal));
  launch_copy(first, y);
  CUDA_OK(cudaEventRecordWithFlags(end, first, cudaEventRecordExternal));
  read_timer<<<1, 1, 0, first>>>(read + 1);
  cudaGraph_t graph = nullptr;
  CUDA_OK(cudaStreamEndCapture(first, &graph));
  const cudaGraphExec_t replayed = executable(graph);
  long long times[3] = {};
  for (int replay = 0; replay < 2; ++replay) {
    CUDA_OK(cudaGraphLaunch(replayed, first));
    read_timer<<<1, 1, 0, first>>>(read + 2);
    CUDA_OK(cudaMemcpyAsync(times, read, sizeof times, cudaMemcpyDeviceToHost, first));
    const double copied = microseconds(start, end);
    EXPECT_NEAR(copied, copy_time(), kTolerance);
    CUDA_OK(cudaStreamSynchronize(first));
    EXPECT_NEAR(1e-3 * static_cast<double>(times[1] - times[0]), 2.0 + copied, kTolerance);
    EXPECT_GE(1e-3 * static_cast<double>(times[2] - times[1]), 2.0) << "when the host had queued it";
  }
  CUDA_OK(cudaGraphExecDestroy(replayed));
}

TEST_F(Times, PassInAKernelThatReadsTheTimer) {
  keep_busy();
  CUDA_OK(cudaEventRecord(start, first));
  wait_on_device<<<1, 1, 0, first>>>(30'000);
  CUDA_OK(cudaEventRecord(end, first));
  EXPECT_NEAR(microseconds(start, end), 30.1, kTolerance) << "and the first reading";
}

TEST_F(Times, PassWhereAProgramPolls) {
  keep_busy();
  CUDA_OK(cudaEventRecord(start, first));
  int polls = 0;
  for (; cudaEventQuery(start) == cudaErrorNotReady; ++polls) EXPECT_EQ(cudaGetLastError(), cudaErrorNotReady);
  EXPECT_GT(polls, 1) << "the host is ahead";
  EXPECT_LT(polls, 10);
}

TEST_F(Times, ExternalEventsBelongToCaptures) {
  EXPECT_EQ(cudaEventRecordWithFlags(fork, first, cudaEventRecordExternal), cudaErrorInvalidValue);
  EXPECT_EQ(cudaStreamWaitEvent(first, fork, cudaEventWaitExternal), cudaErrorInvalidValue);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidValue);
}

}  // namespace
}  // namespace drift::emulator::testing
