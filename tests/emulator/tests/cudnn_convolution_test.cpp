#include <gtest/gtest.h>

#include "tests/emulator/tests/cudnn_graph.h"
#include "tests/emulator/tests/device_array.h"
#include "tests/emulator/tests/image.h"
#include "tests/support/seed.h"

namespace drift::emulator::testing {

namespace {

struct Case {
  const char* name;
  std::int64_t n, c, h, k, size;
  Window window;
  std::int64_t groups = 1;

  std::int64_t width() const { return h + 2; }  // not square, so that mixed up axes show
  std::int64_t pixels(std::int64_t extent) const {
    return (extent + 2 * window.padding - window.dilation * (size - 1) - 1) / window.stride + 1;
  }
  Dims x() const { return {n, h, width(), c}; }
  Dims w() const { return {k, size, size, c / groups}; }
  Dims y() const { return {n, pixels(h), pixels(width()), k}; }
};

Shape shape(const Dims& dims) {
  return {dims[0], dims[3], dims[1], dims[2]};
}

constexpr Case kCases[] = {
    {"3x3", 2, 16, 8, 24, 3, {1, 1, 1}},
    {"3x3_stride2", 2, 16, 9, 40, 3, {1, 2, 1}},
    {"1x1_stride2", 2, 16, 8, 32, 1, {0, 2, 1}},
    {"3x3_dilation2", 1, 8, 9, 8, 3, {2, 1, 2}},
    {"3x3_groups4", 2, 32, 6, 32, 3, {1, 1, 1}, 4},
    {"7x7_stride2_wide", 1, 8, 17, 48, 7, {3, 2, 1}},
};

// Calls use(x's, w's and y's indices) for every product of a convolution: n, h, w, c of x; r, s, c of w; n, p, q, k of
// y.
template <class Use>
void for_each_product(const Case& shape_case, Use use) {
  const Dims y = shape_case.y();
  const Dims w = shape_case.w();
  const std::int64_t group_k = shape_case.k / shape_case.groups;
  for (std::int64_t n = 0; n < y[0]; ++n) {
    for (std::int64_t p = 0; p < y[1]; ++p) {
      for (std::int64_t q = 0; q < y[2]; ++q) {
        for (std::int64_t k = 0; k < y[3]; ++k) {
          for (std::int64_t r = 0; r < w[1]; ++r) {
            for (std::int64_t s = 0; s < w[2]; ++s) {
              const Window& window = shape_case.window;
              const std::int64_t h = p * window.stride - window.padding + r * window.dilation;
              const std::int64_t v = q * window.stride - window.padding + s * window.dilation;
              if (h < 0 || h >= shape_case.h || v < 0 || v >= shape_case.width()) continue;
              for (std::int64_t c = 0; c < w[3]; ++c)
                use(Dims{n, h, v, k / group_k * w[3] + c}, Dims{k, r, s, c}, Dims{n, p, q, k});
            }
          }
        }
      }
    }
  }
}

double& at(Image& image, const Dims& index) {
  return image.at(index[0], index[1], index[2], index[3]);
}

class Convolution : public ::testing::TestWithParam<std::tuple<int, Case>> {
 protected:
  int sm() const { return std::get<0>(GetParam()); }
  const Case& shapes() const { return std::get<1>(GetParam()); }

  Random random_{drift::testing::seed()};
  Image x_ = random_.image(shapes().x());
  Image w_ = random_.image(shapes().w());
  Image y_ = random_.image(shapes().y());
};

TEST_P(Convolution, ForwardInBfloat16IsTheReferenceRounded) {
  Image expected(shapes().y());
  for_each_product(shapes(),
                   [&](const Dims& x, const Dims& w, const Dims& y) { at(expected, y) += at(x_, x) * at(w_, w); });
  CudnnGraph graph(sm(), Element::kBfloat16);
  const auto x = graph.input(shape(shapes().x()), Element::kBfloat16);
  const auto w = graph.input(shape(shapes().w()), Element::kBfloat16);
  const auto y = graph.convolution(x, w, shapes().window);
  graph.output(y, Element::kBfloat16);
  graph.build();
  const DeviceArray x_memory(Element::kBfloat16, x_.values);
  const DeviceArray w_memory(Element::kBfloat16, w_.values);
  const DeviceArray y_memory(Element::kBfloat16, static_cast<std::int64_t>(y_.values.size()));
  graph.run({{x, x_memory.address()}, {w, w_memory.address()}, {y, y_memory.address()}});
  expect_close(y_memory.values(), expected.values, kBfloat16Tolerance);
}

TEST_P(Convolution, BackwardDataInFloat32) {
  Image expected(shapes().x());
  for_each_product(shapes(),
                   [&](const Dims& x, const Dims& w, const Dims& y) { at(expected, x) += at(y_, y) * at(w_, w); });
  CudnnGraph graph(sm(), Element::kFloat32);
  const auto dy = graph.input(shape(shapes().y()), Element::kFloat32);
  const auto w = graph.input(shape(shapes().w()), Element::kFloat32);
  const auto dx = graph.convolution_backward_data(dy, w, shapes().window, shape(shapes().x()));
  graph.output(dx, Element::kFloat32);
  graph.build();
  const DeviceArray dy_memory(Element::kFloat32, y_.values);
  const DeviceArray w_memory(Element::kFloat32, w_.values);
  const DeviceArray dx_memory(Element::kFloat32, static_cast<std::int64_t>(x_.values.size()));
  graph.run({{dy, dy_memory.address()}, {w, w_memory.address()}, {dx, dx_memory.address()}});
  expect_close(dx_memory.values(), expected.values, kFloat32Tolerance);
}

TEST_P(Convolution, BackwardFilterInFloat32) {
  Image expected(shapes().w());
  for_each_product(shapes(),
                   [&](const Dims& x, const Dims& w, const Dims& y) { at(expected, w) += at(x_, x) * at(y_, y); });
  CudnnGraph graph(sm(), Element::kFloat32);
  const auto x = graph.input(shape(shapes().x()), Element::kFloat32);
  const auto dy = graph.input(shape(shapes().y()), Element::kFloat32);
  const auto dw = graph.convolution_backward_filter(dy, x, shapes().window, shape(shapes().w()));
  graph.output(dw, Element::kFloat32);
  graph.build();
  const DeviceArray x_memory(Element::kFloat32, x_.values);
  const DeviceArray dy_memory(Element::kFloat32, y_.values);
  const DeviceArray dw_memory(Element::kFloat32, static_cast<std::int64_t>(w_.values.size()));
  graph.run({{x, x_memory.address()}, {dy, dy_memory.address()}, {dw, dw_memory.address()}});
  expect_close(dw_memory.values(), expected.values, kFloat32Tolerance);
}

class MixedConvolution : public Convolution {};

// Filter gradients of bfloat16 images come out in float32 only through a virtual float32 tensor.
TEST_P(MixedConvolution, BackwardFilterFromBfloat16ToFloat32) {
  Image expected(shapes().w());
  for_each_product(
      shapes(), [&](const Dims& x, const Dims& w, const Dims& y) { at(expected, w) += 0.5 * at(x_, x) * at(y_, y); });
  CudnnGraph graph(sm(), Element::kBfloat16);
  const auto x = graph.input(shape(shapes().x()), Element::kBfloat16);
  const auto dy = graph.input(shape(shapes().y()), Element::kBfloat16);
  const auto virtual_dw = graph.convolution_backward_filter(dy, x, shapes().window, shape(shapes().w()));
  graph.keep_virtual_as(virtual_dw, Element::kFloat32);
  const auto dw = graph.pointwise("MUL", virtual_dw, graph.by_value(0.5F));
  graph.output(dw, Element::kFloat32);
  graph.build();
  const DeviceArray x_memory(Element::kBfloat16, x_.values);
  const DeviceArray dy_memory(Element::kBfloat16, y_.values);
  const DeviceArray dw_memory(Element::kFloat32, static_cast<std::int64_t>(w_.values.size()));
  graph.run({{x, x_memory.address()}, {dy, dy_memory.address()}, {dw, dw_memory.address()}});
  expect_close(dw_memory.values(), expected.values, kFloat32Tolerance);
}

// The sum is made in float32 and rounded once.
TEST_P(MixedConvolution, BackwardDataAndAnAdditionInBfloat16) {
  Image expected = random_.image(shapes().x());
  const DeviceArray addend_memory(Element::kBfloat16, expected.values);
  for_each_product(shapes(),
                   [&](const Dims& x, const Dims& w, const Dims& y) { at(expected, x) += at(y_, y) * at(w_, w); });
  CudnnGraph graph(sm(), Element::kBfloat16);
  const auto dy = graph.input(shape(shapes().y()), Element::kBfloat16);
  const auto w = graph.input(shape(shapes().w()), Element::kBfloat16);
  const auto addend = graph.input(shape(shapes().x()), Element::kBfloat16);
  const auto product = graph.convolution_backward_data(dy, w, shapes().window, shape(shapes().x()));
  graph.keep_virtual_as(product, Element::kFloat32);
  const auto dx = graph.pointwise("ADD", product, addend);
  graph.output(dx, Element::kBfloat16);
  graph.build();
  const DeviceArray dy_memory(Element::kBfloat16, y_.values);
  const DeviceArray w_memory(Element::kBfloat16, w_.values);
  const DeviceArray dx_memory(Element::kBfloat16, static_cast<std::int64_t>(x_.values.size()));
  graph.run({{dy, dy_memory.address()},
             {w, w_memory.address()},
             {addend, addend_memory.address()},
             {dx, dx_memory.address()}});
  expect_close(dx_memory.values(), expected.values, kBfloat16Tolerance);
}

std::string name_of(const ::testing::TestParamInfo<std::tuple<int, Case>>& instance) {
  return "sm" + std::to_string(std::get<0>(instance.param)) + "_" + std::get<1>(instance.param).name;
}

INSTANTIATE_TEST_SUITE_P(All, Convolution,
                         ::testing::Combine(::testing::Values(80, 90, 100), ::testing::ValuesIn(kCases)), name_of);
INSTANTIATE_TEST_SUITE_P(All, MixedConvolution,
                         ::testing::Combine(::testing::Values(80, 90, 100),
                                            ::testing::Values(kCases[1], kCases[2])),  // strided 3x3 and 1x1
                         name_of);

}  // namespace

}  // namespace drift::emulator::testing
