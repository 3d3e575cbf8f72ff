// Chains of pointwise operations, sums, matrix products, and the calls around a graph.
#include "tests/emulator/tests/cudnn_graph.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cudnn.h>
#include <gtest/gtest.h>

#include "tests/emulator/tests/device_array.h"
#include "tests/emulator/tests/image.h"
#include "tests/support/seed.h"

namespace drift::emulator::testing {

namespace {

constexpr std::int64_t kChannels = 16;
constexpr std::int64_t kSize = 2 * 4 * 4 * kChannels;
const Shape kShape{2, kChannels, 4, 4};

// y = relu(x * scale + bias + z), the inference form of a residual block's end.
struct ScaledSum {
  explicit ScaledSum(int sm) : graph(sm, Element::kBfloat16) {
    x = graph.input(kShape, Element::kBfloat16);
    z = graph.input(kShape, Element::kBfloat16);
    scale = graph.channel_vector(kChannels);
    bias = graph.channel_vector(kChannels);
    const auto scaled = graph.pointwise("ADD", graph.pointwise("MUL", x, scale), bias);
    y = graph.pointwise("RELU_FWD", graph.pointwise("ADD", scaled, z));
    graph.output(y, Element::kBfloat16);
    graph.build();
  }
  std::map<CudnnGraph::Tensor, void*> addresses() const {
    return {{x, x_memory.address()},
            {z, z_memory.address()},
            {scale, scale_memory.address()},
            {bias, bias_memory.address()},
            {y, y_memory.address()}};
  }

  CudnnGraph graph;
  CudnnGraph::Tensor x = 0, z = 0, scale = 0, bias = 0, y = 0;
  Random random{drift::testing::seed()};
  std::vector<double> x_values = random.vector(kSize), z_values = random.vector(kSize);
  std::vector<double> scale_values = random.vector(kChannels), bias_values = random.vector(kChannels);
  DeviceArray x_memory{Element::kBfloat16, x_values}, z_memory{Element::kBfloat16, z_values};
  DeviceArray scale_memory{Element::kFloat32, scale_values}, bias_memory{Element::kFloat32, bias_values};
  DeviceArray y_memory{Element::kBfloat16, kSize};
};

class Graph : public ::testing::TestWithParam<int> {};

TEST_P(Graph, AReluPassesANanOn) {
  ScaledSum sum(GetParam());
  constexpr std::int64_t kMarked = 37;
  std::vector<double> z_values = sum.z_values;
  z_values[kMarked] = std::nan("");
  const DeviceArray z_memory(Element::kBfloat16, z_values);
  auto addresses = sum.addresses();
  addresses[sum.z] = z_memory.address();
  sum.graph.run(addresses);
  const std::vector<double> y = sum.y_memory.values();
  for (std::int64_t i = 0; i < kSize; ++i) EXPECT_EQ(std::isnan(y[i]), i == kMarked) << i;
}

TEST_P(Graph, PerChannelVectorsAreBroadcast) {
  ScaledSum sum(GetParam());
  sum.graph.run(sum.addresses());
  std::vector<double> expected(kSize);
  for (std::int64_t i = 0; i < kSize; ++i) {
    const std::int64_t c = i % kChannels;
    expected[i] = std::max(0.0, sum.x_values[i] * sum.scale_values[c] + sum.bias_values[c] + sum.z_values[i]);
  }
  expect_close(sum.y_memory.values(), expected, kBfloat16Tolerance);
}

TEST_P(Graph, SumOverAllButChannels) {
  Random random(drift::testing::seed());
  const auto values = random.vector(kSize);
  CudnnGraph graph(GetParam(), Element::kBfloat16);
  const auto x = graph.input(kShape, Element::kBfloat16);
  const auto y = graph.sum(x, {1, kChannels, 1, 1});
  graph.output(y, Element::kFloat32);
  graph.build();
  const DeviceArray x_memory(Element::kBfloat16, values), y_memory(Element::kFloat32, kChannels);
  graph.run({{x, x_memory.address()}, {y, y_memory.address()}});
  std::vector<double> expected(kChannels, 0.0);
  for (std::int64_t i = 0; i < kSize; ++i) expected[i % kChannels] += values[i];
  expect_close(y_memory.values(), expected, kFloat32Tolerance);
}

TEST_P(Graph, ProductOfMatricesWithBias) {
  constexpr std::int64_t kRows = 8, kInner = 16, kColumns = 24;
  Random random(drift::testing::seed());
  const auto a_values = random.vector(kRows * kInner);
  const auto b_values = random.vector(kInner * kColumns);
  const auto bias_values = random.vector(kColumns);
  CudnnGraph graph(GetParam(), Element::kBfloat16);
  const auto a = graph.input({1, kRows, kInner}, Element::kBfloat16);
  const auto b = graph.input({1, kInner, kColumns}, Element::kBfloat16);
  const auto bias = graph.input({1, 1, kColumns}, Element::kBfloat16);
  const auto c = graph.pointwise("ADD", graph.matmul(a, b), bias);
  graph.output(c, Element::kBfloat16);
  graph.build();
  const DeviceArray a_memory(Element::kBfloat16, a_values), b_memory(Element::kBfloat16, b_values);
  const DeviceArray bias_memory(Element::kBfloat16, bias_values), c_memory(Element::kBfloat16, kRows * kColumns);
  graph.run({{a, a_memory.address()}, {b, b_memory.address()}, {bias, bias_memory.address()}, {c, c_memory.address()}});
  std::vector<double> expected(kRows * kColumns);
  for (std::int64_t i = 0; i < kRows; ++i) {
    for (std::int64_t j = 0; j < kColumns; ++j) {
      expected[i * kColumns + j] = bias_values[j];
      for (std::int64_t k = 0; k < kInner; ++k) {
        expected[i * kColumns + j] += a_values[i * kInner + k] * b_values[k * kColumns + j];
      }
    }
  }
  expect_close(c_memory.values(), expected, kBfloat16Tolerance);
}

INSTANTIATE_TEST_SUITE_P(All, Graph, ::testing::Values(80, 90, 100),
                         [](const auto& instance) { return "sm" + std::to_string(instance.param); });

// The captured node must own the by-value scalar: the host memory it was read from changes before the launch.
TEST(GraphCapture, EachLaunchRunsTheGraphOnceWithTheScalarsOfItsCapture) {
  Random random(drift::testing::seed());
  const auto values = random.vector(kSize);
  CudnnGraph graph(90, Element::kFloat32);
  const auto x = graph.input(kShape, Element::kFloat32);
  const auto factor = graph.by_value();
  const auto y = graph.pointwise("MUL", x, factor);
  graph.output(y, Element::kFloat32);
  graph.build();
  float factor_value = 2.0F;
  const DeviceArray x_memory(Element::kFloat32, values), y_memory(Element::kFloat32, kSize);
  const DeviceArray workspace(Element::kInt8, graph.workspace_bytes() + 1);
  cudaStream_t stream = nullptr;
  cudaGraph_t captured = nullptr;
  cudaGraphExec_t executable = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  EXPECT_EQ(graph.run({{x, x_memory.address()}, {factor, &factor_value}, {y, y_memory.address()}}, workspace.address(),
                      stream),
            "");
  EXPECT_EQ(graph.run({{x, y_memory.address()}, {factor, &factor_value}, {y, x_memory.address()}}, workspace.address(),
                      stream),
            "");
  factor_value = 100.0F;
  check(cudaStreamEndCapture(stream, &captured), "cudaStreamEndCapture");
  std::size_t nodes = 0;
  check(cudaGraphGetNodes(captured, nullptr, &nodes), "cudaGraphGetNodes");
  EXPECT_EQ(nodes, 2U);
  EXPECT_EQ(x_memory.values(), values) << "ran while it was captured";
  check(cudaGraphInstantiate(&executable, captured, 0), "cudaGraphInstantiate");
  for (int launch = 0; launch < 2; ++launch) check(cudaGraphLaunch(executable, stream), "cudaGraphLaunch");
  std::vector<double> expected = values;
  for (double& value : expected) value *= 16.0;
  expect_close(x_memory.values(), expected, 1e-12);
  check(cudaGraphExecDestroy(executable), "cudaGraphExecDestroy");
  check(cudaGraphDestroy(captured), "cudaGraphDestroy");
  check(cudaStreamDestroy(stream), "cudaStreamDestroy");
}

TEST(GraphCalls, AMisalignedAddressIsRefused) {
  ScaledSum sum(90);
  auto addresses = sum.addresses();
  addresses[sum.x] = static_cast<char*>(addresses[sum.x]) + 2;
  const DeviceArray workspace(Element::kInt8, sum.graph.workspace_bytes() + 1);
  EXPECT_NE(sum.graph.run(addresses, workspace.address(), nullptr), "");
}

TEST(GraphCalls, ANeededWorkspaceMustBeGiven) {
  CudnnGraph graph(90, Element::kBfloat16);
  const auto x = graph.input(kShape, Element::kBfloat16);
  const auto scale = graph.channel_vector(kChannels);
  const auto mean = graph.channel_vector(kChannels);
  const auto gradient = graph.batch_norm_backward(x, x, scale, mean, mean);
  graph.build();
  ASSERT_GT(graph.workspace_bytes(), 0);
  const DeviceArray image(Element::kBfloat16, kSize), dx(Element::kBfloat16, kSize);
  const DeviceArray vector(Element::kFloat32, kChannels), dscale(Element::kFloat32, kChannels);
  const DeviceArray dbias(Element::kFloat32, kChannels);
  EXPECT_NE(graph.run({{x, image.address()},
                       {scale, vector.address()},
                       {mean, vector.address()},
                       {gradient.dx, dx.address()},
                       {gradient.dscale, dscale.address()},
                       {gradient.dbias, dbias.address()}},
                      nullptr, nullptr),
            "");
}

TEST(GraphCalls, TheVersionIsTheRealLibrarys) {
  EXPECT_GE(cudnnGetVersion(), std::size_t{91100});
}

// The environment is read once per process, so each of these is a process of its own.
class GraphProcess : public ::testing::Test {
 protected:
  GraphProcess() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
  ~GraphProcess() override { unsetenv("EMU_FAIL"); }
};

TEST_F(GraphProcess, TheSecondExecuteFails) {
  setenv("EMU_FAIL", "cudnnBackendExecute:2", 1);
  EXPECT_EXIT(
      {
        ScaledSum sum(90);
        const DeviceArray workspace(Element::kInt8, sum.graph.workspace_bytes() + 1);
        const auto first = sum.graph.run(sum.addresses(), workspace.address(), nullptr);
        const auto second = sum.graph.run(sum.addresses(), workspace.address(), nullptr);
        const auto third = sum.graph.run(sum.addresses(), workspace.address(), nullptr);
        std::_Exit(first.empty() && !second.empty() && third.empty() ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST_F(GraphProcess, TheThirdFinalizeFails) {
  setenv("EMU_FAIL", "cudnnBackendFinalize:3", 1);
  EXPECT_EXIT(
      {
        try {
          ScaledSum sum(90);
        } catch (const std::runtime_error&) {
          std::_Exit(0);
        }
        std::_Exit(1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST_F(GraphProcess, CreateFailsAndTheNextSucceeds) {
  setenv("EMU_FAIL", "cudnnCreate:1", 1);
  EXPECT_EXIT(
      {
        cudnnHandle_t handle = nullptr;
        const auto first = cudnnCreate(&handle);
        const auto second = cudnnCreate(&handle);
        std::_Exit(first == CUDNN_STATUS_NOT_INITIALIZED && second == CUDNN_STATUS_SUCCESS ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST_F(GraphProcess, WhatIsNeverDestroyedIsALeak) {
  setenv("EMU_LEAKS", "1", 1);
  EXPECT_EXIT(
      {
        cudnnBackendDescriptor_t kept = nullptr;
        cudnnBackendCreateDescriptor(CUDNN_BACKEND_TENSOR_DESCRIPTOR, &kept);
        std::exit(0);
      },
      ::testing::ExitedWithCode(70), "1 cuDNN backend descriptors were never released");
}

}  // namespace

}  // namespace drift::emulator::testing
