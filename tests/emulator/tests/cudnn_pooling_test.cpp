#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <limits>

#include "tests/emulator/tests/backend_descriptor.h"
#include "tests/emulator/tests/cudnn_graph.h"
#include "tests/emulator/tests/device_array.h"
#include "tests/emulator/tests/image.h"
#include "tests/support/seed.h"

namespace drift::emulator::testing {

namespace {

struct Case {
  const char* name;
  const char* mode;
  cudnnResampleMode_t backend_mode;
  std::int64_t height, size;
  Window window;

  std::int64_t pixels() const { return (height + 2 * window.padding - size) / window.stride + 1; }
  bool maximum() const { return backend_mode == CUDNN_RESAMPLE_MAXPOOL; }
};

constexpr std::int64_t kImages = 2;
constexpr std::int64_t kChannels = 16;
constexpr Case kCases[] = {
    {"max_3x3_stride2", "MAXPOOL", CUDNN_RESAMPLE_MAXPOOL, 9, 3, {1, 2, 1}},
    {"max_2x2_stride2", "MAXPOOL", CUDNN_RESAMPLE_MAXPOOL, 8, 2, {0, 2, 1}},
    {"average_3x3_with_padding", "AVGPOOL_INCLUDE_PADDING", CUDNN_RESAMPLE_AVGPOOL_INCLUDE_PADDING, 9, 3, {1, 2, 1}},
    {"average_3x3_without_padding", "AVGPOOL_EXCLUDE_PADDING", CUDNN_RESAMPLE_AVGPOOL_EXCLUDE_PADDING, 9, 3, {1, 2, 1}},
    {"average_global", "AVGPOOL_INCLUDE_PADDING", CUDNN_RESAMPLE_AVGPOOL_INCLUDE_PADDING, 8, 8, {0, 1, 1}},
};

struct Pixel {
  std::int64_t h, w;
};

std::vector<Pixel> window_of(const Case& pooling, const Image& x, std::int64_t p, std::int64_t q) {
  std::vector<Pixel> inside;
  for (std::int64_t r = 0; r < pooling.size; ++r) {
    for (std::int64_t s = 0; s < pooling.size; ++s) {
      const Pixel pixel{p * pooling.window.stride - pooling.window.padding + r,
                        q * pooling.window.stride - pooling.window.padding + s};
      if (x.contains(pixel.h, pixel.w)) inside.push_back(pixel);
    }
  }
  return inside;
}

// Fills y and the gradient dx of sum(y * dy), straight from the definition.
void reference(const Case& pooling, const Image& x, const Image& dy, Image& y, Image& dx) {
  for (std::int64_t n = 0; n < kImages; ++n) {
    for (std::int64_t p = 0; p < pooling.pixels(); ++p) {
      for (std::int64_t q = 0; q < pooling.pixels(); ++q) {
        const auto inside = window_of(pooling, x, p, q);
        const bool all = pooling.backend_mode == CUDNN_RESAMPLE_AVGPOOL_INCLUDE_PADDING;
        const double count =
            static_cast<double>(all ? pooling.size * pooling.size : static_cast<std::int64_t>(inside.size()));
        for (std::int64_t c = 0; c < kChannels; ++c) {
          const auto value = [&](const Pixel& pixel) { return x.at(n, pixel.h, pixel.w, c); };
          const auto winner = *std::max_element(inside.begin(), inside.end(),
                                                [&](const Pixel& a, const Pixel& b) { return value(a) < value(b); });
          if (pooling.maximum()) y.at(n, p, q, c) = value(winner);
          if (pooling.maximum()) dx.at(n, winner.h, winner.w, c) += dy.at(n, p, q, c);
          for (const Pixel& pixel : inside) {
            if (pooling.maximum()) break;
            y.at(n, p, q, c) += value(pixel) / count;
            dx.at(n, pixel.h, pixel.w, c) += dy.at(n, p, q, c) / count;
          }
        }
      }
    }
  }
}

// Backward pooling through the backend API, with the first plan that finalizes.
class BackwardPooling {
 public:
  BackwardPooling(int sm, const Case& pooling) {
    define(pooling);
    operation_.set(CUDNN_ATTR_OPERATION_RESAMPLE_BWD_DXDESC, {&dx_});
    operation_.set(CUDNN_ATTR_OPERATION_RESAMPLE_BWD_DYDESC, {&dy_});
    if (pooling.maximum()) operation_.set(CUDNN_ATTR_OPERATION_RESAMPLE_BWD_IDXDESC, {&index_});
    operation_.set(CUDNN_ATTR_OPERATION_RESAMPLE_BWD_DESC, {&resample_});
    operation_.finalize();
    graph_.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, {&operation_});
    graph_.finalize();
    const std::string path = std::string(DRIFT_EMULATOR_PROPERTIES) + "/sm" + std::to_string(sm) + ".json";
    std::ifstream file(path);
    std::vector<char> text((std::istreambuf_iterator<char>(file)), {});
    text.push_back('\0');
    properties_.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, text);
    properties_.finalize();
    heuristic_.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, {&graph_});
    heuristic_.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, std::vector{CUDNN_HEUR_MODE_A});
    heuristic_.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, {&properties_});
    heuristic_.finalize();
    cudnnBackendDescriptor_t configuration = configuration_.get();
    std::int64_t found = 0;
    check(cudnnBackendGetAttribute(heuristic_.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                                   &found, &configuration),
          "cudnnBackendGetAttribute");
    plan_.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, {&configuration_});
    plan_.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, {&properties_});
    plan_.finalize();
  }

  void run(void* dx, void* dy, void* index) {
    const DeviceArray workspace(Element::kInt8, std::int64_t{1} << 20);
    BackendDescriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, std::vector<std::int64_t>{1, 2, 3});
    pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, std::vector<void*>{dx, dy, index});
    pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, std::vector<void*>{workspace.address()});
    pack.finalize();
    cudnnHandle_t handle = nullptr;
    check(cudnnCreate(&handle), "cudnnCreate");
    check(cudnnBackendExecute(handle, plan_.get(), pack.get()), "cudnnBackendExecute");
    check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
    check(cudnnDestroy(handle), "cudnnDestroy");
  }

 private:
  void define(const Case& pooling) {
    define_tensor(dx_, 1, pooling.height, CUDNN_DATA_BFLOAT16);
    define_tensor(dy_, 2, pooling.pixels(), CUDNN_DATA_BFLOAT16);
    define_tensor(index_, 3, pooling.pixels(), CUDNN_DATA_INT8);
    const auto pair = [](std::int64_t value) { return std::vector<cudnnFraction_t>(2, {value, 1}); };
    resample_.set(CUDNN_ATTR_RESAMPLE_MODE, CUDNN_TYPE_RESAMPLE_MODE, std::vector{pooling.backend_mode});
    resample_.set(CUDNN_ATTR_RESAMPLE_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, std::vector{CUDNN_DATA_FLOAT});
    resample_.set(CUDNN_ATTR_RESAMPLE_PADDING_MODE, CUDNN_TYPE_PADDING_MODE,
                  std::vector{pooling.maximum() ? CUDNN_NEG_INF_PAD : CUDNN_ZERO_PAD});
    resample_.set(CUDNN_ATTR_RESAMPLE_SPATIAL_DIMS, CUDNN_TYPE_INT64, std::vector<std::int64_t>{2});
    resample_.set(CUDNN_ATTR_RESAMPLE_WINDOW_DIMS, CUDNN_TYPE_FRACTION, pair(pooling.size));
    resample_.set(CUDNN_ATTR_RESAMPLE_STRIDES, CUDNN_TYPE_FRACTION, pair(pooling.window.stride));
    resample_.set(CUDNN_ATTR_RESAMPLE_PRE_PADDINGS, CUDNN_TYPE_FRACTION, pair(pooling.window.padding));
    resample_.set(CUDNN_ATTR_RESAMPLE_POST_PADDINGS, CUDNN_TYPE_FRACTION, pair(pooling.window.padding));
    resample_.finalize();
  }

  static void define_tensor(BackendDescriptor& tensor, std::int64_t uid, std::int64_t height, cudnnDataType_t type) {
    const std::vector<std::int64_t> dims{kImages, kChannels, height, height};
    const std::vector<std::int64_t> strides{kChannels * height * height, 1, kChannels * height, kChannels};
    tensor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, std::vector{type});
    tensor.set(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, dims);
    tensor.set(CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, strides);
    tensor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, std::vector<std::int64_t>{uid});
    tensor.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, std::vector<std::int64_t>{16});
    tensor.finalize();
  }

  BackendDescriptor dx_{CUDNN_BACKEND_TENSOR_DESCRIPTOR};
  BackendDescriptor dy_{CUDNN_BACKEND_TENSOR_DESCRIPTOR};
  BackendDescriptor index_{CUDNN_BACKEND_TENSOR_DESCRIPTOR};
  BackendDescriptor resample_{CUDNN_BACKEND_RESAMPLE_DESCRIPTOR};
  BackendDescriptor operation_{CUDNN_BACKEND_OPERATION_RESAMPLE_BWD_DESCRIPTOR};
  BackendDescriptor graph_{CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR};
  BackendDescriptor properties_{CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR};
  BackendDescriptor heuristic_{CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR};
  BackendDescriptor configuration_{CUDNN_BACKEND_ENGINECFG_DESCRIPTOR};
  BackendDescriptor plan_{CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR};
};

class Pooling : public ::testing::TestWithParam<std::tuple<int, Case>> {};

TEST_P(Pooling, ForwardAndBackward) {
  const auto& [sm, pooling] = GetParam();
  Random random(drift::testing::seed());
  const Dims outer{kImages, pooling.height, pooling.height, kChannels};
  const Dims inner{kImages, pooling.pixels(), pooling.pixels(), kChannels};
  const Image x = random.image(outer);
  const Image dy = random.image(inner);
  Image expected_y(inner);
  Image expected_dx(outer);
  reference(pooling, x, dy, expected_y, expected_dx);

  CudnnGraph graph(sm, Element::kBfloat16);
  const auto x_tensor = graph.input({kImages, kChannels, pooling.height, pooling.height}, Element::kBfloat16);
  const auto pooled = graph.pool(pooling.mode, x_tensor, pooling.size, pooling.window);
  graph.build();
  const auto size = static_cast<std::int64_t>(expected_y.values.size());
  const DeviceArray x_memory(Element::kBfloat16, x.values), y_memory(Element::kBfloat16, size);
  const DeviceArray index_memory(Element::kInt8, size);
  std::map<CudnnGraph::Tensor, void*> addresses{{x_tensor, x_memory.address()}, {pooled.y, y_memory.address()}};
  if (pooling.maximum()) addresses[pooled.index] = index_memory.address();
  graph.run(addresses);
  expect_close(y_memory.values(), expected_y.values, kBfloat16Tolerance);

  const DeviceArray dy_memory(Element::kBfloat16, dy.values);
  const DeviceArray dx_memory(Element::kBfloat16, static_cast<std::int64_t>(x.values.size()));
  BackwardPooling(sm, pooling).run(dx_memory.address(), dy_memory.address(), index_memory.address());
  expect_close(dx_memory.values(), expected_dx.values, kBfloat16Tolerance);
}

INSTANTIATE_TEST_SUITE_P(All, Pooling, ::testing::Combine(::testing::Values(80, 90, 100), ::testing::ValuesIn(kCases)),
                         [](const auto& instance) {
                           return "sm" + std::to_string(std::get<0>(instance.param)) + "_" +
                                  std::get<1>(instance.param).name;
                         });

}  // namespace

}  // namespace drift::emulator::testing
