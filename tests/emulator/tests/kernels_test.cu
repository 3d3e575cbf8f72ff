// Kernels of the kinds an engine is made of, against references on the host. CTest runs this program under several
// seeds and with the race check.
#include <algorithm>
#include <cmath>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <random>

#include "tests/emulator/tests/device_vector.h"

namespace drift::emulator::testing {
namespace {

constexpr unsigned kWholeWarp = 0xffffffffu;

std::vector<float> random_values(std::size_t count, float from = -2, float to = 2) {
  static std::mt19937 generator(1);
  std::uniform_real_distribution<float> values(from, to);
  std::vector<float> result(count);
  for (float& value : result) value = values(generator);
  return result;
}

__global__ void sgd(float* weight, float* momentum, const float* gradient, __nv_bfloat16* copy, int count, float rate,
                    float factor, float decay) {
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x) {
    const float step = fmaf(factor, momentum[i], fmaf(decay, weight[i], gradient[i]));
    momentum[i] = step;
    weight[i] = fmaf(-rate, step, weight[i]);
    copy[i] = __float2bfloat16(weight[i]);
  }
}

TEST(Kernels, SgdStepIsBitEqualToTheHost) {
  const int count = 10007;
  const auto weight = random_values(count), momentum = random_values(count), gradient = random_values(count);
  DeviceVector<float> device_weight(weight), device_momentum(momentum), device_gradient(gradient);
  DeviceVector<__nv_bfloat16> copy(count);
  sgd<<<16, 256>>>(device_weight.data(), device_momentum.data(), device_gradient.data(), copy.data(), count, 0.1f, 0.9f,
                   1e-4f);
  CUDA_OK(cudaGetLastError());
  const auto result = device_weight.host();
  const auto rounded = copy.host();
  for (int i = 0; i < count; ++i) {
    const float step = fmaf(0.9f, momentum[i], fmaf(1e-4f, weight[i], gradient[i]));
    const float expected = fmaf(-0.1f, step, weight[i]);
    ASSERT_EQ(result[i], expected) << i;
    ASSERT_EQ(__bfloat162float(rounded[i]), __bfloat162float(__float2bfloat16(expected))) << i;
  }
}

// One warp a row; the sum of the losses by atomicAdd.
__global__ void softmax_loss(const float* logits, const int* labels, float* probability, float* loss, int rows,
                             int columns) {
  const int row = (blockIdx.x * blockDim.x + threadIdx.x) / 32;
  const int lane = threadIdx.x % 32;
  if (row >= rows) return;
  const float* values = logits + row * columns;
  float largest = -INFINITY;
  for (int i = lane; i < columns; i += 32) largest = fmaxf(largest, values[i]);
  for (int o = 16; o > 0; o /= 2) largest = fmaxf(largest, __shfl_xor_sync(kWholeWarp, largest, o));
  float sum = 0;
  for (int i = lane; i < columns; i += 32) sum += __expf(values[i] - largest);
  for (int o = 16; o > 0; o /= 2) sum += __shfl_xor_sync(kWholeWarp, sum, o);
  for (int i = lane; i < columns; i += 32) probability[row * columns + i] = expf(values[i] - largest) / sum;
  if (lane == 0) atomicAdd(loss, logf(sum) + largest - values[labels[row]]);
}

TEST(Kernels, SoftmaxAndLossByWarpShuffles) {
  const int rows = 50, columns = 100;
  const auto logits = random_values(rows * columns);
  std::vector<int> labels(rows);
  for (int row = 0; row < rows; ++row) labels[row] = row * 7 % columns;
  DeviceVector<float> device_logits(logits), probability(rows * columns), loss(1);
  DeviceVector<int> device_labels(labels);
  softmax_loss<<<(rows + 7) / 8, 256>>>(device_logits.data(), device_labels.data(), probability.data(), loss.data(),
                                        rows, columns);
  const auto result = probability.host();
  double expected_loss = 0;
  for (int row = 0; row < rows; ++row) {
    double sum = 0;
    for (int i = 0; i < columns; ++i) sum += std::exp(double{logits[row * columns + i]});
    expected_loss += std::log(sum) - logits[row * columns + labels[row]];
    for (int i = 0; i < columns; ++i) {
      const double expected = std::exp(double{logits[row * columns + i]}) / sum;
      ASSERT_NEAR(result[row * columns + i], expected, 1e-5 * expected);
    }
  }
  EXPECT_NEAR(loss.host()[0], expected_loss, 1e-5 * expected_loss);
}

// Static and dynamic shared memory, two barriers.
__global__ void block_sums(const float* values, float* sums, int count) {
  __shared__ float of_warp[8];
  extern __shared__ float mirrored[];
  float sum = 0;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x) sum += values[i];
  mirrored[threadIdx.x] = sum;
  __syncthreads();
  sum = mirrored[blockDim.x - 1 - threadIdx.x];
  for (int o = 16; o > 0; o /= 2) sum += __shfl_down_sync(kWholeWarp, sum, o);
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x >= 32) return;
  sum = threadIdx.x < 8 ? of_warp[threadIdx.x] : 0;
  for (int o = 4; o > 0; o /= 2) sum += __shfl_down_sync(kWholeWarp, sum, o);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

TEST(Kernels, BlockSumsThroughSharedMemory) {
  const int count = 12345;
  const auto values = random_values(count);
  DeviceVector<float> device_values(values), sums(7);
  block_sums<<<7, 256, 256 * sizeof(float)>>>(device_values.data(), sums.data(), count);
  double result = 0, expected = 0;
  for (const float sum : sums.host()) result += sum;
  for (const float value : values) expected += value;
  EXPECT_NEAR(result, expected, 1e-3);
}

__global__ void bias_relu(const uint4* x, const __nv_bfloat162* bias, uint4* y, int packets, int packets_per_row) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= packets) return;
  uint4 packet = x[i];
  auto* const pairs = reinterpret_cast<__nv_bfloat162*>(&packet);
  for (int k = 0; k < 4; ++k) {
    float2 value = __bfloat1622float2(pairs[k]);
    const float2 shift = __bfloat1622float2(bias[i % packets_per_row * 4 + k]);
    value.x = fmaxf(value.x + shift.x, 0.f);
    value.y = fmaxf(value.y + shift.y, 0.f);
    pairs[k] = __float22bfloat162_rn(value);
  }
  y[i] = packet;
}

TEST(Kernels, PacketsOfBf16AreBitEqualToTheHost) {
  const int packets = 1000, channels = 64;
  std::vector<__nv_bfloat16> x, bias;
  for (const float value : random_values(packets * 8)) x.push_back(__float2bfloat16(value));
  for (const float value : random_values(channels)) bias.push_back(__float2bfloat16(value));
  DeviceVector<__nv_bfloat16> device_x(x), device_bias(bias), y(x.size());
  bias_relu<<<(packets + 127) / 128, 128>>>(reinterpret_cast<uint4*>(device_x.data()),
                                            reinterpret_cast<__nv_bfloat162*>(device_bias.data()),
                                            reinterpret_cast<uint4*>(y.data()), packets, channels / 8);
  const auto result = y.host();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float sum = __bfloat162float(x[i]) + __bfloat162float(bias[i % channels]);
    ASSERT_EQ(__bfloat162float(result[i]), __bfloat162float(__float2bfloat16(std::max(sum, 0.f)))) << i;
  }
}

__global__ void histogram(const unsigned char* values, int count, unsigned* bins) {
  __shared__ unsigned local[256];
  for (int i = threadIdx.x; i < 256; i += blockDim.x) local[i] = 0;
  __syncthreads();
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x) {
    atomicAdd(&local[values[i]], 1u);
  }
  __syncthreads();
  for (int i = threadIdx.x; i < 256; i += blockDim.x) atomicAdd(&bins[i], local[i]);
}

TEST(Kernels, HistogramBySharedAtomics) {
  const int count = 5000;
  std::vector<unsigned char> values(count);
  std::vector<unsigned> expected(256);
  for (int i = 0; i < count; ++i) {
    values[i] = static_cast<unsigned char>(i * i % 251);
    ++expected[values[i]];
  }
  DeviceVector<unsigned char> device_values(values);
  DeviceVector<unsigned> bins(256);
  histogram<<<5, 192>>>(device_values.data(), count, bins.data());
  EXPECT_EQ(bins.host(), expected);
}

__global__ void collatz(const unsigned* start, int* length, unsigned* votes, int count) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  int steps = 0;
  if (i < count) {
    for (unsigned long long value = start[i]; value != 1; ++steps) value = value % 2 == 1 ? 3 * value + 1 : value / 2;
    length[i] = steps;
  }
  const unsigned vote = __ballot_sync(kWholeWarp, steps > 100);
  if (threadIdx.x % 32 == 0) votes[i / 32] = vote;
}

TEST(Kernels, DivergentLoopsMeetAgainAtABallot) {
  const int count = 500;
  std::vector<unsigned> start(count);
  for (int i = 0; i < count; ++i) start[i] = 1 + i * 97 % 10007;
  DeviceVector<unsigned> device_start(start), votes(16);
  DeviceVector<int> length(count);
  collatz<<<4, 128>>>(device_start.data(), length.data(), votes.data(), count);
  const auto lengths = length.host();
  const auto bits = votes.host();
  for (int i = 0; i < count; ++i) {
    int steps = 0;
    for (unsigned long long v = start[i]; v != 1; ++steps) v = v % 2 == 1 ? 3 * v + 1 : v / 2;
    ASSERT_EQ(lengths[i], steps) << i;
    ASSERT_EQ(bits[i / 32] >> (i % 32) & 1, steps > 100 ? 1u : 0u) << i;
  }
}

__global__ void functions(const float* x, float* y, int count) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= count) return;
  const float v = x[i];
  y[i] = tanhf(v) + 0.5f * erff(v) + sinf(v) + powf(fabsf(v) + 0.1f, 1.7f) + sqrtf(fabsf(v)) + rsqrtf(1.f + v * v) +
         v / (2.f + v * v) + log1pf(fabsf(v));
}

TEST(Kernels, MathematicalFunctions) {
  const int count = 1000;
  const auto x = random_values(count, -6, 6);
  DeviceVector<float> device_x(x), y(count);
  functions<<<8, 128>>>(device_x.data(), y.data(), count);
  const auto result = y.host();
  for (int i = 0; i < count; ++i) {
    const double v = x[i];
    const double expected = std::tanh(v) + 0.5 * std::erf(v) + std::sin(v) + std::pow(std::abs(v) + 0.1, 1.7) +
                            std::sqrt(std::abs(v)) + 1 / std::sqrt(1 + v * v) + v / (2 + v * v) +
                            std::log1p(std::abs(v));
    ASSERT_NEAR(result[i], expected, 2e-6 * (std::abs(expected) + 1));
  }
}

__global__ void axpy(__half2* y, const __half2* x, __half a, int count) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) y[i] = __hfma2(__half2half2(a), x[i], y[i]);
}

TEST(Kernels, PackedHalfIsRoundedOnce) {
  const auto values = random_values(400);
  std::vector<__half2> x, y;
  for (int i = 0; i < 100; ++i) {
    x.push_back(__floats2half2_rn(values[4 * i], values[4 * i + 1]));
    y.push_back(__floats2half2_rn(values[4 * i + 2], values[4 * i + 3]));
  }
  const __half a = __float2half(0.3f);
  DeviceVector<__half2> device_x(x), device_y(y);
  axpy<<<1, 128>>>(device_y.data(), device_x.data(), a, 100);
  const auto result = device_y.host();
  for (int i = 0; i < 100; ++i) {
    const float expected = fmaf(__half2float(a), __high2float(x[i]), __high2float(y[i]));
    ASSERT_EQ(__high2float(result[i]), __half2float(__float2half(expected))) << i;
  }
}

__global__ void matrix_product(const float* a, const float* b, float* c, int size) {
  __shared__ float left[16][16], right[16][17];
  const int row = blockIdx.y * 16 + threadIdx.y, column = blockIdx.x * 16 + threadIdx.x;
  float sum = 0;
  for (int k = 0; k < size; k += 16) {
    left[threadIdx.y][threadIdx.x] = a[row * size + k + threadIdx.x];
    right[threadIdx.y][threadIdx.x] = b[(k + threadIdx.y) * size + column];
    __syncthreads();
    for (int i = 0; i < 16; ++i) sum += left[threadIdx.y][i] * right[i][threadIdx.x];
    __syncthreads();
  }
  c[row * size + column] = sum;
}

TEST(Kernels, TiledMatrixProduct) {
  const int size = 48;
  const auto a = random_values(size * size), b = random_values(size * size);
  DeviceVector<float> device_a(a), device_b(b), c(size * size);
  matrix_product<<<dim3(size / 16, size / 16), dim3(16, 16)>>>(device_a.data(), device_b.data(), c.data(), size);
  const auto result = c.host();
  for (int i = 0; i < size; ++i) {
    for (int j = 0; j < size; ++j) {
      double sum = 0;
      for (int k = 0; k < size; ++k) sum += double{a[i * size + k]} * b[k * size + j];
      ASSERT_NEAR(result[i * size + j], sum, 1e-4);
    }
  }
}

struct Tensors {
  float* data[4];
  int count[4];
  float factor;
};
__global__ void scale_all(const __grid_constant__ Tensors tensors) {
  float* const data = tensors.data[blockIdx.y];
  for (int i = threadIdx.x; i < tensors.count[blockIdx.y]; i += blockDim.x) data[i] *= tensors.factor;
}

TEST(Kernels, StructOfPointersAsParameter) {
  DeviceVector<float> first(std::vector<float>(100, 3.f)), second(std::vector<float>(100, 3.f));
  scale_all<<<dim3(1, 2), 32>>>(Tensors{{first.data(), second.data()}, {100, 50}, 2.f});
  EXPECT_EQ(first.host()[99], 6.f);
  EXPECT_EQ(second.host()[49], 6.f);
  EXPECT_EQ(second.host()[50], 3.f);
}

__constant__ float table[16];
__device__ int visits;
__global__ void look_up(float* y) {
  y[threadIdx.x] = table[threadIdx.x % 16];
  atomicAdd(&visits, 1);
}

TEST(Kernels, ConstantAndDeviceVariables) {
  float values[16];
  for (int i = 0; i < 16; ++i) values[i] = static_cast<float>(i);
  CUDA_OK(cudaMemcpyToSymbol(table, values, sizeof values));
  const int none = 0;
  CUDA_OK(cudaMemcpyToSymbol(visits, &none, sizeof none));
  DeviceVector<float> y(64);
  look_up<<<1, 64>>>(y.data());
  int seen = 0;
  CUDA_OK(cudaMemcpyFromSymbol(&seen, visits, sizeof seen));
  EXPECT_EQ(seen, 64);
  EXPECT_EQ(y.host()[17], 1.f);
}

}  // namespace
}  // namespace drift::emulator::testing
