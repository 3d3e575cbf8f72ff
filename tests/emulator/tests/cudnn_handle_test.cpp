// Plans from a handle, as a program on a GPU makes them: they are those of the device's properties. A handle that was
// destroyed, or stands where none is emulated, is refused.
#include <cstdlib>
#include <cudnn.h>
#include <gtest/gtest.h>
#include <utility>

#include "tests/emulator/tests/backend_descriptor.h"
#include "tests/emulator/tests/cudnn_graph.h"
#include "tests/emulator/tests/device_array.h"

namespace drift::emulator::testing {

namespace {

constexpr std::int64_t kChannels = 16, kSide = 4, kSize = 2 * kSide * kSide * kChannels;
const Shape kImage{2, kChannels, kSide, kSide}, kWeights{kChannels, kChannels, 1, 1};

class Handle : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(All, Handle, ::testing::Values(80, 90, 100),
                         [](const auto& instance) { return "sm" + std::to_string(instance.param); });

TEST_P(Handle, MakesThePlansOfItsDevicesProperties) {
  CudnnGraph described(GetParam(), Element::kBfloat16), handled(GetParam(), Element::kBfloat16);
  for (CudnnGraph* const graph : {&described, &handled}) {
    const auto x = graph->input(kImage, Element::kBfloat16), w = graph->input(kWeights, Element::kBfloat16);
    graph->output(graph->convolution(x, w, {}), Element::kBfloat16);
  }
  described.build();
  handled.build_from_handle();
  EXPECT_EQ(handled.engine(), described.engine());
  EXPECT_EQ(handled.workspace_bytes(), described.workspace_bytes());
}

// y = x convolved with 1x1 windows, by the backend API.
struct Convolution {
  Convolution() {
    define(x, 1, kImage);
    define(w, 2, kWeights);
    define(y, 3, kImage);
    const std::vector<std::int64_t> zeros{0, 0}, ones{1, 1};
    window.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, std::vector{CUDNN_DATA_FLOAT});
    window.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, std::vector{CUDNN_CROSS_CORRELATION});
    window.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, std::vector<std::int64_t>{2});
    for (const auto name : {CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS}) {
      window.set(name, CUDNN_TYPE_INT64, zeros);
    }
    for (const auto name : {CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_ATTR_CONVOLUTION_DILATIONS}) {
      window.set(name, CUDNN_TYPE_INT64, ones);
    }
    window.finalize();
    operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, {&x});
    operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, {&w});
    operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, {&y});
    operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, {&window});
    operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_TYPE_FLOAT, std::vector{1.0F});
    operation.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, CUDNN_TYPE_FLOAT, std::vector{0.0F});
    operation.finalize();
    graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, {&operation});
  }

  static void define(BackendDescriptor& tensor, std::int64_t uid, const Shape& shape) {
    const Shape strides{shape[1] * shape[2] * shape[3], 1, shape[1] * shape[3], shape[1]};
    tensor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, std::vector{CUDNN_DATA_FLOAT});
    tensor.set(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, shape);
    tensor.set(CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, strides);
    tensor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, std::vector{uid});
    tensor.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, std::vector<std::int64_t>{16});
    tensor.finalize();
  }

  BackendDescriptor x{CUDNN_BACKEND_TENSOR_DESCRIPTOR}, w{CUDNN_BACKEND_TENSOR_DESCRIPTOR};
  BackendDescriptor y{CUDNN_BACKEND_TENSOR_DESCRIPTOR}, window{CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR};
  BackendDescriptor operation{CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR};
  BackendDescriptor graph{CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR};
};

class HandleCalls : public ::testing::Test {
 protected:
  HandleCalls() { check(cudnnCreate(&handle_), "cudnnCreate"); }
  ~HandleCalls() override {
    if (handle_ != nullptr) cudnnDestroy(handle_);
  }

  cudnnHandle_t destroyed() {
    check(cudnnDestroy(handle_), "cudnnDestroy");
    return std::exchange(handle_, nullptr);
  }
  static void set_handle(BackendDescriptor& descriptor, cudnnBackendAttributeName_t name, cudnnHandle_t handle) {
    descriptor.set(name, CUDNN_TYPE_HANDLE, std::vector{handle});
  }
  // `call` fails, and the line that says why has `text`.
  template <class Call>
  static void expect_refused(const char* text, Call call) {
    ::testing::internal::CaptureStderr();
    EXPECT_THROW(call(), std::runtime_error);
    const std::string line = ::testing::internal::GetCapturedStderr();
    EXPECT_NE(line.find(text), std::string::npos) << line;
  }

  cudnnHandle_t handle_ = nullptr;
};

constexpr const char* kDestroyed = "this handle was destroyed";

TEST_F(HandleCalls, AnEngineOfItsGraphAndAPlanGetTheDevice) {
  Convolution convolution;
  set_handle(convolution.graph, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, handle_);
  convolution.graph.finalize();
  BackendDescriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR), configuration(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
  engine.set(CUDNN_ATTR_ENGINE_OPERATION_GRAPH, {&convolution.graph});
  engine.set(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, std::vector<std::int64_t>{0});
  engine.finalize();
  configuration.set(CUDNN_ATTR_ENGINECFG_ENGINE, {&engine});
  configuration.finalize();
  BackendDescriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, {&configuration});
  set_handle(plan, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, handle_);
  plan.finalize();

  const DeviceArray x(Element::kFloat32, std::vector<double>(kSize, 0.5)), y(Element::kFloat32, kSize);
  const DeviceArray w(Element::kFloat32, std::vector<double>(kChannels * kChannels, 1.0));
  const DeviceArray workspace(Element::kInt8, std::int64_t{1} << 20);
  BackendDescriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, std::vector<std::int64_t>{1, 2, 3});
  pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR,
           std::vector<void*>{x.address(), w.address(), y.address()});
  pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, std::vector<void*>{workspace.address()});
  pack.finalize();
  check(cudnnBackendExecute(handle_, plan.get(), pack.get()), "cudnnBackendExecute");
  EXPECT_EQ(y.values(), std::vector<double>(kSize, 0.5 * kChannels));
}

TEST_F(HandleCalls, ADestroyedOneIsRefused) {
  const cudnnHandle_t old = destroyed();
  cudnnHandle_t next = nullptr;
  check(cudnnCreate(&next), "cudnnCreate");  // a freed address might come again
  Convolution convolution;
  expect_refused(kDestroyed, [&] { set_handle(convolution.graph, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, old); });
  expect_refused(kDestroyed, [&] { check(cudnnSetStream(old, nullptr), "cudnnSetStream"); });
  expect_refused(kDestroyed, [&] { check(cudnnBackendExecute(old, nullptr, nullptr), "cudnnBackendExecute"); });
  expect_refused(kDestroyed, [&] { check(cudnnDestroy(old), "cudnnDestroy"); });
  check(cudnnDestroy(next), "cudnnDestroy");
}

TEST_F(HandleCalls, OneThatEndedBeforeItsGraphWasPlannedIsRefused) {
  Convolution convolution;
  set_handle(convolution.graph, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, handle_);
  convolution.graph.finalize();
  destroyed();
  BackendDescriptor heuristic(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  expect_refused(kDestroyed, [&] { heuristic.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, {&convolution.graph}); });
}

TEST_F(HandleCalls, OthersThanGraphsAndPlansTakeNone) {
  BackendDescriptor properties(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  expect_refused("a handle is emulated in operation graphs and execution plans",
                 [&] { set_handle(properties, CUDNN_ATTR_DEVICEPROP_HANDLE, handle_); });
}

// The file is read once per process, so this is a process of its own.
TEST_F(HandleCalls, NeedTheFileThatDescribesTheDevice) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  setenv("EMU_DEVICE_PROPERTIES", "/no/such/file", 1);
  const auto plan = [this] {
    BackendDescriptor descriptor(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    try {
      set_handle(descriptor, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, handle_);
    } catch (const std::runtime_error&) {
      std::_Exit(3);
    }
    std::_Exit(0);
  };
  EXPECT_EXIT(plan(), ::testing::ExitedWithCode(3), "EMU_DEVICE_PROPERTIES names no file of device properties");
  unsetenv("EMU_DEVICE_PROPERTIES");
}

}  // namespace

}  // namespace drift::emulator::testing
