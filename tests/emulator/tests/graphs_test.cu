// Graphs in graphs, and memory that graphs allocate.
#include "tests/emulator/tests/device_vector.h"

namespace drift::emulator::testing {
namespace {

constexpr int kCount = 64;
constexpr std::size_t kBytes = kCount * sizeof(float);

__global__ void add(float* values, float amount) {
  values[threadIdx.x] += amount;
}
__global__ void multiply(float* values, float factor) {
  values[threadIdx.x] *= factor;
}
__global__ void copy(float* to, const float* from) {
  to[threadIdx.x] = from[threadIdx.x];
}

class Graphs : public ::testing::Test {
 protected:
  void SetUp() override {
    CUDA_OK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    CUDA_OK(cudaMemGetInfo(&free_before, &total));
  }
  void TearDown() override {
    CUDA_OK(cudaDeviceSynchronize());
    EXPECT_EQ(cudaGetLastError(), cudaSuccess);
    std::size_t free_after = 0;
    CUDA_OK(cudaMemGetInfo(&free_after, &total));
    EXPECT_EQ(free_after, free_before);
    CUDA_OK(cudaStreamDestroy(stream));
  }
  static void expect_refused(cudaError_t got, cudaError_t expected) {
    EXPECT_EQ(got, expected) << cudaGetErrorName(got);
    EXPECT_EQ(cudaGetLastError(), expected);
  }
  template <typename Body>
  cudaGraph_t captured(Body body) {
    cudaGraph_t graph = nullptr;
    EXPECT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
    body();
    EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
    return graph;
  }
  static cudaGraphExec_t executable(cudaGraph_t graph) {
    cudaGraphExec_t made = nullptr;
    EXPECT_EQ(cudaGraphInstantiate(&made, graph, 0), cudaSuccess);
    return made;
  }
  cudaGraph_t captured_add(float* values) {
    return captured([&] { add<<<1, kCount, 0, stream>>>(values, 1.f); });
  }
  // Allocates, and adds what it holds in the end to `sum`; frees if `frees`.
  cudaGraph_t captured_allocation(float* sum, bool frees, float** memory) {
    return captured([&] {
      CUDA_OK(cudaMallocAsync(reinterpret_cast<void**>(memory), kBytes, stream));
      copy<<<1, kCount, 0, stream>>>(*memory, sum);
      add<<<1, kCount, 0, stream>>>(*memory, 1.f);
      copy<<<1, kCount, 0, stream>>>(sum, *memory);
      if (frees) CUDA_OK(cudaFreeAsync(*memory, stream));
    });
  }

  cudaStream_t stream = nullptr;
  std::size_t free_before = 0, total = 0;
};

TEST_F(Graphs, RunAChildsNodesInPlaceOfItsNode) {
  DeviceVector<float> x(kCount);
  const cudaGraph_t child = captured_add(x.data());
  const cudaGraph_t parent = captured([&] { multiply<<<1, kCount, 0, stream>>>(x.data(), 10.f); });
  cudaGraphNode_t last = nullptr, added = nullptr;
  std::size_t one = 1;
  CUDA_OK(cudaGraphGetNodes(parent, &last, &one));
  for (int twice = 0; twice < 2; ++twice) {  // 10x + 1 + 1
    CUDA_OK(cudaGraphAddChildGraphNode(&added, parent, &last, 1, child));
    last = added;
  }
  cudaGraphNodeType type;
  CUDA_OK(cudaGraphNodeGetType(last, &type));
  EXPECT_EQ(type, cudaGraphNodeTypeGraph);
  CUDA_OK(cudaGraphDestroy(child));  // the nodes have copies

  cudaGraph_t grandparent = nullptr;
  CUDA_OK(cudaGraphCreate(&grandparent, 0));
  CUDA_OK(cudaGraphAddChildGraphNode(&added, grandparent, nullptr, 0, parent));
  const cudaGraphExec_t replayed = executable(grandparent);
  for (int launch = 0; launch < 2; ++launch) CUDA_OK(cudaGraphLaunch(replayed, stream));
  CUDA_OK(cudaStreamSynchronize(stream));
  EXPECT_EQ(x.host()[kCount - 1], 22.f);
  CUDA_OK(cudaGraphExecDestroy(replayed));
  CUDA_OK(cudaGraphDestroy(parent));
  CUDA_OK(cudaGraphDestroy(grandparent));
}

TEST_F(Graphs, RefuseNodesOfOthersAndThemselves) {
  DeviceVector<float> x(kCount);
  const cudaGraph_t graph = captured_add(x.data()), other = captured_add(x.data());
  cudaGraphNode_t foreign = nullptr, added = nullptr;
  std::size_t one = 1;
  CUDA_OK(cudaGraphGetNodes(other, &foreign, &one));
  expect_refused(cudaGraphAddChildGraphNode(&added, graph, &foreign, 1, other), cudaErrorInvalidValue);
  expect_refused(cudaGraphAddChildGraphNode(&added, graph, nullptr, 0, graph), cudaErrorInvalidValue);
  const cudaGraphExec_t replayed = executable(graph);
  CUDA_OK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  expect_refused(cudaGraphLaunch(replayed, stream), cudaErrorStreamCaptureUnsupported);
  cudaGraph_t none = nullptr;
  expect_refused(cudaStreamEndCapture(stream, &none), cudaErrorStreamCaptureInvalidated);
  CUDA_OK(cudaGraphExecDestroy(replayed));
  CUDA_OK(cudaGraphDestroy(graph));
  CUDA_OK(cudaGraphDestroy(other));
}

TEST_F(Graphs, AllocateAtOneAddressInEveryLaunch) {
  DeviceVector<float> sum(kCount);
  CUDA_OK(cudaDeviceSynchronize());
  float* memory = nullptr;
  const cudaGraph_t graph = captured_allocation(sum.data(), /*frees=*/true, &memory);
  cudaGraphNode_t nodes[5];
  std::size_t count = 5;
  CUDA_OK(cudaGraphGetNodes(graph, nodes, &count));
  cudaGraphNodeType first, last;
  CUDA_OK(cudaGraphNodeGetType(nodes[0], &first));
  CUDA_OK(cudaGraphNodeGetType(nodes[4], &last));
  EXPECT_EQ(first, cudaGraphNodeTypeMemAlloc);
  EXPECT_EQ(last, cudaGraphNodeTypeMemFree);
  const cudaGraphExec_t replayed = executable(graph);
  for (int launch = 0; launch < 3; ++launch) CUDA_OK(cudaGraphLaunch(replayed, stream));
  CUDA_OK(cudaStreamSynchronize(stream));
  EXPECT_EQ(sum.host()[kCount - 1], 3.f);
  cudaGraphExec_t second = nullptr;
  expect_refused(cudaGraphInstantiate(&second, graph, 0), cudaErrorNotSupported);
  cudaGraph_t parent = nullptr;
  cudaGraphNode_t added = nullptr;
  CUDA_OK(cudaGraphCreate(&parent, 0));
  expect_refused(cudaGraphAddChildGraphNode(&added, parent, nullptr, 0, graph), cudaErrorNotSupported);
  CUDA_OK(cudaGraphDestroy(parent));
  CUDA_OK(cudaGraphDestroy(graph));
  CUDA_OK(cudaGraphExecDestroy(replayed));
}

TEST_F(Graphs, GiveMemoryToWhoeverFreesIt) {
  DeviceVector<float> sum(kCount);
  CUDA_OK(cudaDeviceSynchronize());
  float* memory = nullptr;
  const cudaGraph_t graph = captured_allocation(sum.data(), /*frees=*/false, &memory);
  const cudaGraphExec_t replayed = executable(graph);
  expect_refused(cudaFreeAsync(memory, stream), cudaErrorInvalidValue);  // nothing launched it
  for (int launch = 0; launch < 2; ++launch) {
    CUDA_OK(cudaGraphLaunch(replayed, stream));
    expect_refused(cudaGraphLaunch(replayed, stream), cudaErrorInvalidValue);
    add<<<1, kCount, 0, stream>>>(memory, 1.f);
    copy<<<1, kCount, 0, stream>>>(sum.data(), memory);
    if (launch == 0) CUDA_OK(cudaFree(memory));
  }
  CUDA_OK(cudaFreeAsync(memory, stream));  // the graph may go before it has run
  CUDA_OK(cudaGraphExecDestroy(replayed));
  CUDA_OK(cudaGraphDestroy(graph));
  CUDA_OK(cudaStreamSynchronize(stream));
  EXPECT_EQ(sum.host()[0], 4.f);
}

TEST_F(Graphs, FreeWhatAnotherGraphAllocated) {
  DeviceVector<float> sum(kCount);
  CUDA_OK(cudaDeviceSynchronize());
  float* memory = nullptr;
  const cudaGraph_t allocating = captured_allocation(sum.data(), /*frees=*/false, &memory);
  const cudaGraph_t freeing = captured([&] { CUDA_OK(cudaFreeAsync(memory, stream)); });
  const cudaGraphExec_t allocates = executable(allocating), frees = executable(freeing);
  expect_refused(cudaGraphLaunch(frees, stream), cudaErrorInvalidValue);
  for (int launch = 0; launch < 2; ++launch) {
    CUDA_OK(cudaGraphLaunch(allocates, stream));
    CUDA_OK(cudaGraphLaunch(frees, stream));
  }
  CUDA_OK(cudaStreamSynchronize(stream));
  EXPECT_EQ(sum.host()[0], 2.f);
  for (cudaGraphExec_t graph : {allocates, frees}) CUDA_OK(cudaGraphExecDestroy(graph));
  for (cudaGraph_t graph : {allocating, freeing}) CUDA_OK(cudaGraphDestroy(graph));
}

TEST_F(Graphs, DoNotFreeTwiceNorMemoryOfOthers) {
  float* others = nullptr;
  CUDA_OK(cudaMalloc(reinterpret_cast<void**>(&others), kBytes));
  const cudaGraph_t graph = captured([&] {
    float* memory = nullptr;
    CUDA_OK(cudaMallocAsync(reinterpret_cast<void**>(&memory), kBytes, stream));
    CUDA_OK(cudaFreeAsync(memory, stream));
    expect_refused(cudaFreeAsync(memory, stream), cudaErrorInvalidValue);
    expect_refused(cudaFreeAsync(others, stream), cudaErrorInvalidValue);
  });
  CUDA_OK(cudaGraphDestroy(graph));
  CUDA_OK(cudaFree(others));
}

}  // namespace
}  // namespace drift::emulator::testing
