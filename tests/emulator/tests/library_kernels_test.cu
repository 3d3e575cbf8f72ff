// Kernels made of NVIDIA's header libraries: CUB's block algorithms, cooperative groups, asynchronous copies, cuRAND.
#include <algorithm>
#include <cooperative_groups.h>
#include <cub/block/block_radix_sort.cuh>
#include <cub/block/block_scan.cuh>
#include <cuda_pipeline.h>
#include <curand_kernel.h>
#include <random>

#include "tests/emulator/tests/device_vector.h"

namespace drift::emulator::testing {
namespace {

__global__ void scan(const int* x, int* y) {
  using Scan = cub::BlockScan<int, 128>;
  __shared__ Scan::TempStorage storage;
  Scan(storage).ExclusiveSum(x[threadIdx.x], y[threadIdx.x]);
}

TEST(LibraryKernels, CubBlockScan) {
  std::vector<int> x(128);
  for (int i = 0; i < 128; ++i) x[i] = i * 37 % 100;
  DeviceVector<int> device_x(x), y(128);
  scan<<<1, 128>>>(device_x.data(), y.data());
  int sum = 0;
  const auto result = y.host();
  for (int i = 0; i < 128; ++i) {
    ASSERT_EQ(result[i], sum) << i;
    sum += x[i];
  }
}

__global__ void sort(unsigned* keys) {
  using Sort = cub::BlockRadixSort<unsigned, 128, 4>;
  __shared__ Sort::TempStorage storage;
  unsigned own[4];
  for (int i = 0; i < 4; ++i) own[i] = keys[threadIdx.x * 4 + i];
  Sort(storage).Sort(own);
  for (int i = 0; i < 4; ++i) keys[threadIdx.x * 4 + i] = own[i];
}

TEST(LibraryKernels, CubBlockRadixSort) {
  std::mt19937 generator(1);
  std::vector<unsigned> keys(512);
  for (unsigned& key : keys) key = generator();
  DeviceVector<unsigned> device_keys(keys);
  sort<<<1, 128>>>(device_keys.data());
  std::sort(keys.begin(), keys.end());
  EXPECT_EQ(device_keys.host(), keys);
}

__global__ void tile_sums(const float* x, float* y) {
  const auto block = cooperative_groups::this_thread_block();
  const auto tile = cooperative_groups::tiled_partition<16>(block);
  float sum = x[block.thread_rank()];
  for (int o = 8; o > 0; o /= 2) sum += tile.shfl_down(sum, o);
  if (tile.thread_rank() == 0) y[block.thread_rank() / 16] = sum;
}

TEST(LibraryKernels, CooperativeGroupTiles) {
  DeviceVector<float> x(std::vector<float>(64, 1.f)), y(4);
  tile_sums<<<1, 64>>>(x.data(), y.data());
  EXPECT_EQ(y.host(), std::vector<float>(4, 16.f));
}

// Every block adds up what all have left in `partial`, twice, so that each of the waits is needed.
__global__ void grid_sums(const float* x, float* partial, float* y) {
  const auto grid = cooperative_groups::this_grid();
  for (int round = 0; round < 2; ++round) {
    if (threadIdx.x == 0) partial[blockIdx.x] = x[blockIdx.x] + round;
    grid.sync();
    float sum = 0;
    for (int i = 0; i < gridDim.x; ++i) sum += partial[i];
    if (threadIdx.x == 0) y[round * gridDim.x + blockIdx.x] = sum;
    grid.sync();
  }
}

TEST(LibraryKernels, CooperativeGroupGrids) {
  constexpr int kBlocks = 40;
  DeviceVector<float> x(std::vector<float>(kBlocks, 1.f)), partial(kBlocks), y(2 * kBlocks);
  const float* x_pointer = x.data();
  float *partial_pointer = partial.data(), *y_pointer = y.data();
  void* arguments[] = {&x_pointer, &partial_pointer, &y_pointer};
  std::vector<float> expected(kBlocks, kBlocks);
  expected.resize(2 * kBlocks, 2 * kBlocks);
  ASSERT_EQ(cudaLaunchCooperativeKernel(grid_sums, kBlocks, 64, arguments, 0, nullptr), cudaSuccess);
  EXPECT_EQ(y.host(), expected);

  cudaLaunchAttribute attribute = {};
  attribute.id = cudaLaunchAttributeCooperative;
  attribute.val.cooperative = 1;
  cudaLaunchConfig_t config = {kBlocks, 64, 0, nullptr, &attribute, 1};
  ASSERT_EQ(cudaMemset(y.data(), 0, 2 * kBlocks * sizeof(float)), cudaSuccess);
  ASSERT_EQ(cudaLaunchKernelExC(&config, reinterpret_cast<const void*>(grid_sums), arguments), cudaSuccess);
  EXPECT_EQ(y.host(), expected);
}

// Copies the next 64 packets while this one is mirrored.
__global__ void pipeline(const float4* x, float4* y, int pieces) {
  __shared__ float4 staged[2][64];
  const int t = threadIdx.x;
  __pipeline_memcpy_async(&staged[0][t], &x[t], 16);
  __pipeline_commit();
  for (int i = 0; i < pieces; ++i) {
    if (i + 1 < pieces) __pipeline_memcpy_async(&staged[(i + 1) % 2][t], &x[(i + 1) * 64 + t], 16);
    __pipeline_commit();
    __pipeline_wait_prior(1);
    __syncthreads();
    y[i * 64 + t] = staged[i % 2][63 - t];
    __syncthreads();
  }
}

TEST(LibraryKernels, AsynchronousCopiesToSharedMemory) {
  std::vector<float4> x(256);
  for (int i = 0; i < 256; ++i) x[i] = float4{static_cast<float>(i), 0, 0, 0};
  DeviceVector<float4> device_x(x), y(256);
  pipeline<<<1, 64>>>(device_x.data(), y.data(), 4);
  const auto result = y.host();
  for (int i = 0; i < 256; ++i) ASSERT_EQ(result[i].x, i / 64 * 64 + 63 - i % 64) << i;
}

__global__ void uniform(uint4* y, unsigned long long seed) {
  curandStatePhilox4_32_10_t state;
  curand_init(seed, threadIdx.x, 0, &state);
  y[threadIdx.x] = curand4(&state);
}

TEST(LibraryKernels, PhiloxIsTheHosts) {
  DeviceVector<uint4> y(64);
  uniform<<<1, 64>>>(y.data(), 1234);
  const auto result = y.host();
  for (unsigned i = 0; i < 64; ++i) {
    unsigned key[2] = {1234, 0}, c[4] = {0, 0, i, 0};
    for (int turn = 0; turn < 10; ++turn) {
      const unsigned long long a = 0xD2511F53ull * c[0], b = 0xCD9E8D57ull * c[2];
      const unsigned next[4] = {static_cast<unsigned>(b >> 32) ^ c[1] ^ key[0], static_cast<unsigned>(b),
                                static_cast<unsigned>(a >> 32) ^ c[3] ^ key[1], static_cast<unsigned>(a)};
      std::copy(next, next + 4, c);
      key[0] += 0x9E3779B9;
      key[1] += 0xBB67AE85;
    }
    ASSERT_EQ(result[i].x, c[0]) << i;
    ASSERT_EQ(result[i].w, c[3]) << i;
  }
}

struct Weights {
  float values[6];
  int count;
};
__device__ __noinline__ float weighted(Weights weights, int shift) {
  float sum = 0;
  for (int i = 0; i < weights.count; ++i) sum += weights.values[(i + shift) % 6];
  return sum;
}
__global__ void call(Weights weights, float* y, int* odd) {
  y[threadIdx.x] = weighted(weights, threadIdx.x);
  const int count = __syncthreads_count(threadIdx.x % 2);
  if (threadIdx.x == 0) *odd = count;
}

TEST(LibraryKernels, FunctionsThatAreNotInlined) {
  DeviceVector<float> y(64);
  DeviceVector<int> odd(1);
  call<<<1, 64>>>(Weights{{1, 2, 3, 4, 5, 6}, 4}, y.data(), odd.data());
  EXPECT_EQ(y.host()[1], 14.f);
  EXPECT_EQ(odd.host()[0], 32);
}

}  // namespace
}  // namespace drift::emulator::testing
