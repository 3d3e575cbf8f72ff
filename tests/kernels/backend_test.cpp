// One door: every operation has a name and a case, every method of Backend hands its arguments to run() as they are,
// and what stands in front of a backend lets all of them through.
#include "kernels/backend.h"

#include <algorithm>
#include <array>
#include <functional>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kernels/cost.h"
#include "kernels/observed/forwarding_backend.h"
#include "kernels/observed/null_backend.h"
#include "tests/kernels/case_list.h"
#include "tests/support/fake_backend.h"

namespace drift::testing {
namespace {

constexpr std::size_t kOps = std::variant_size_v<Op>;

// One of each.
std::vector<Op> every_op() {
  return []<std::size_t... I>(std::index_sequence<I...>) {
    return std::vector<Op>{Op(std::in_place_index<I>)...};
  }
  (std::make_index_sequence<kOps>());
}

class Recorder final : public FakeBackend {
 public:
  void run(const Op& op) override { ops.push_back(op); }
  std::vector<Op> ops;
};

float memory[8] = {};
TensorView view(int k) {
  return {&memory[k], {k + 1}, DType::kFloat32};
}
bool same(const TensorView& view, int k) {
  return view.data == &memory[k] && view.shape == Shape{k + 1};
}

TEST(Op, NamesAreDistinct) {
  std::set<std::string_view> names;
  for (const Op& op : every_op()) names.insert(name_of(op));
  EXPECT_EQ(names.size(), kOps);
  EXPECT_EQ(name_of(BatchNormBackward{}), "batch_norm_backward");
}

// What crosses between host and device is tested in memory_test.cpp, time in stamp_test.cpp.
TEST(Op, EveryOneHasACase) {
  std::set<std::string_view> names{Upload::kName, Download::kName, DownloadAsync::kName, Stamp::kName};
  for (const OpCase& op_case : op_cases(Suite::kTest)) {
    const std::string_view name = name_of(op_case.operation({}));
    names.insert(name);
    const auto last_word = [](std::string_view text) { return text.substr(text.rfind('_') + 1); };
    EXPECT_EQ(last_word(op_case.op), last_word(name)) << op_case.op << " runs " << name;
  }
  EXPECT_EQ(names.size(), kOps);
}

TEST(Backend, EveryMethodEndsInRunWithItsOwnOperation) {
  Recorder backend;
  const HostMemory host(Device{}, 4);
  backend.copy({}, {});
  backend.upload(nullptr, {});
  backend.download({}, nullptr);
  backend.download_async({}, host);
  backend.fill({}, 0);
  backend.cast({}, {});
  backend.conv2d_forward({});
  backend.conv2d_backward_data({});
  backend.conv2d_backward_weights({});
  backend.linear_forward({});
  backend.linear_backward({});
  backend.batch_norm_forward({});
  backend.batch_norm_inference({});
  backend.batch_norm_backward({});
  backend.group_norm_forward({});
  backend.group_norm_backward({});
  backend.activation_forward({}, {}, {});
  backend.activation_backward({}, {}, {}, {});
  backend.add({}, {}, {});
  backend.shortcut_forward({}, {}, {});
  backend.shortcut_backward({}, {}, {});
  backend.pool_forward({});
  backend.pool_backward({});
  backend.global_average_pool_forward({}, {});
  backend.global_average_pool_backward({}, {});
  backend.softmax_cross_entropy({});
  backend.clip_scale({});
  backend.sgd_update({});
  backend.outer_update({});
  backend.compress({});
  backend.average({}, {}, 0);
  backend.count_non_finite({});
  backend.squared_distance({});
  backend.augment({});
  backend.stamp({});
  ASSERT_EQ(backend.ops.size(), kOps);
  for (std::size_t i = 0; i < kOps; ++i) EXPECT_EQ(backend.ops[i].index(), i) << name_of(backend.ops[i]);
}

TEST(Backend, ArgumentsByPositionLandInTheirFields) {
  Recorder backend;
  const HostMemory host(Device{}, 4);
  const float* const sources[] = {memory, memory + 1};
  float* const targets[] = {memory + 2};
  backend.copy(view(0), view(1));
  backend.upload(memory, view(1));
  backend.download(view(0), memory);
  backend.download_async(view(0), host);
  backend.fill(view(1), 0.5f);
  backend.cast(view(0), view(1));
  backend.activation_forward(Activation::kSilu, view(0), view(1));
  backend.activation_backward(Activation::kSilu, view(0), view(1), view(2));
  backend.add(view(0), view(1), view(2));
  backend.shortcut_forward(2, view(0), view(1));
  backend.shortcut_backward(2, view(0), view(1));
  backend.global_average_pool_forward(view(0), view(1));
  backend.global_average_pool_backward(view(0), view(1));
  backend.average(sources, targets, 7);
  std::size_t next = 0;
  const auto expect = [&]<class Args>(const std::function<bool(const Args&)>& holds) {
    const Op& op = backend.ops.at(next++);
    const Args* const args = std::get_if<Args>(&op);
    ASSERT_NE(args, nullptr) << name_of(op);
    EXPECT_TRUE(holds(*args)) << name_of(op);
  };
  expect(std::function([](const Copy& op) { return same(op.from, 0) && same(op.to, 1); }));
  expect(std::function([](const Upload& op) { return op.host == memory && same(op.to, 1); }));
  expect(std::function([](const Download& op) { return same(op.from, 0) && op.host == memory; }));
  expect(std::function([&](const DownloadAsync& op) { return same(op.from, 0) && op.to == &host; }));
  expect(std::function([](const drift::Fill& op) { return same(op.y, 1) && op.value == 0.5f; }));
  expect(std::function([](const Cast& op) { return same(op.x, 0) && same(op.y, 1); }));
  expect(std::function(
      [](const ActivationForward& op) { return op.kind == Activation::kSilu && same(op.x, 0) && same(op.y, 1); }));
  expect(std::function([](const ActivationBackward& op) {
    return op.kind == Activation::kSilu && same(op.saved, 0) && same(op.dy, 1) && same(op.dx, 2);
  }));
  expect(std::function([](const Add& op) { return same(op.a, 0) && same(op.b, 1) && same(op.y, 2); }));
  expect(std::function([](const ShortcutForward& op) { return op.stride == 2 && same(op.x, 0) && same(op.y, 1); }));
  expect(std::function([](const ShortcutBackward& op) { return op.stride == 2 && same(op.dy, 0) && same(op.dx, 1); }));
  expect(std::function([](const GlobalAveragePoolForward& op) { return same(op.x, 0) && same(op.y, 1); }));
  expect(std::function([](const GlobalAveragePoolBackward& op) { return same(op.dy, 0) && same(op.dx, 1); }));
  expect(std::function(
      [&](const Average& op) { return op.sources.data() == sources && op.targets.data() == targets && op.n == 7; }));
  EXPECT_EQ(next, backend.ops.size());
}

TEST(Backend, ForwardingPassesEverythingOn) {
  struct Inner final : FakeBackend {
    void run(const Op& op) override { heard.emplace_back(name_of(op)); }
    void begin_span(std::string_view name) override { heard.emplace_back(name); }
    void end_span() override { heard.emplace_back("end"); }
    std::map<std::string, OpTime> op_times() override { return {{"add", {.calls = 3}}}; }
    bool normalises_input(const Conv2dForward& op) const override { return op.window.size == 3; }
    bool adds_to_gradient(const Conv2dBackwardData& op) const override { return op.window.size == 3; }
    std::vector<std::string> heard;
  } inner;
  ForwardingBackend front(inner);
  std::vector<std::string> said;
  for (const Op& op : every_op()) {
    const Span span(front, "layer");
    front.run(op);
    said.insert(said.end(), {"layer", std::string(name_of(op)), "end"});
  }
  EXPECT_EQ(inner.heard, said);
  EXPECT_EQ(&front.stream(), &inner.stream());
  EXPECT_EQ(front.op_times().at("add").calls, 3);
  Conv2dForward convolution{};
  EXPECT_TRUE(front.normalises_input(convolution));
  convolution.window.size = 1;
  EXPECT_FALSE(front.normalises_input(convolution));
  Conv2dBackwardData gradient{};
  EXPECT_TRUE(front.adds_to_gradient(gradient));
  gradient.window.size = 1;
  EXPECT_FALSE(front.adds_to_gradient(gradient));
}

TEST(Backend, NullRunsNothing) {
  FakeStream stream;
  NullBackend nothing(stream);
  for (const Op& op : every_op()) nothing.run(op);  // on memory that is not there
  float value = 1;
  nothing.fill({&value, {1}}, 2);
  EXPECT_EQ(value, 1);
  EXPECT_EQ(&nothing.stream(), &stream);
}

// Bytes by hand, in the order of the passes.
class Cost : public ::testing::Test {
 protected:
  TensorView at(const Shape& shape, DType dtype = DType::kBFloat16) { return {memory, shape, dtype}; }
  void expect(const Op& op, std::int64_t bytes, std::int64_t multiply_adds) {
    EXPECT_EQ(cost_of(op).bytes, bytes) << name_of(op);
    EXPECT_EQ(cost_of(op).multiply_adds, multiply_adds) << name_of(op);
    EXPECT_EQ(cost_of(op).flops(), 2 * multiply_adds);
  }
};

TEST_F(Cost, OfConvolutions) {
  // 2 images of 9x7 with 3 channels, window 3/2+1: 5x4 pixels of 17 channels, 27 factors each.
  const Window window{3, 2, 1};
  const TensorView x = at({2, 9, 7, 3}), w = at({17, 3, 3, 3}), y = at({2, 5, 4, 17}),
                   dw = at({17, 3, 3, 3}, DType::kFloat32);
  constexpr std::int64_t kX = 2 * 9 * 7 * 3 * 2, kW = 17 * 27 * 2, kY = 2 * 5 * 4 * 17 * 2, kProducts = 40 * 17 * 27;
  expect(Conv2dForward{window, x, w, {}, y}, kX + kW + kY, kProducts);
  expect(Conv2dBackwardData{window, y, w, x}, kX + kW + kY, kProducts);
  Conv2dBackwardData masking{window, y, w, x};
  masking.x = x;  // of which the mask is made
  expect(masking, 2 * kX + kW + kY, kProducts);
  Conv2dBackwardData adding{window, y, w, x};
  adding.addend = x;
  expect(adding, 2 * kX + kW + kY, kProducts);
  expect(Conv2dBackwardWeights{window, x, y, dw, {}}, kX + 2 * kW + kY, kProducts);

  // A 1x1 window with stride 2 reads a quarter of the pixels, its gradient writes all.
  const Window quarter{1, 2, 0};
  const TensorView wide = at({1, 8, 8, 4}), point = at({8, 1, 1, 4}), small = at({1, 4, 4, 8});
  expect(Conv2dForward{quarter, wide, point, {}, small}, 16 * 4 * 2 + 32 * 2 + 128 * 2, 16 * 32);
  expect(Conv2dBackwardData{quarter, small, point, wide}, 64 * 4 * 2 + 32 * 2 + 128 * 2, 16 * 32);

  // A 3x3 window with stride 4 and padding 1 over 6 pixels: rows 0, 1 and 3, 4, 5.
  expect(PoolForward{Pooling::kAverage, {3, 4, 1}, at({1, 6, 6, 1}), at({1, 2, 2, 1}), {}}, 25 * 2 + 4 * 2, 0);
}

TEST_F(Cost, OfTheLinearLayer) {
  const TensorView x = at({5, 64}), w = at({10, 64}), y = at({5, 10}, DType::kFloat32),
                   dw = at({10, 64}, DType::kFloat32);
  expect(LinearForward{x, w, {}, y}, 640 + 1280 + 200, 3200);
  expect(LinearBackward{x, y, w, {}, dw, {}}, 640 + 200 + 2560, 3200);
  expect(LinearBackward{x, y, w, x, dw, {}}, 640 + 200 + 2560 + 1280 + 640, 2 * 3200);
}

TEST_F(Cost, OfBatchNorm) {
  const TensorView x = at({2, 4, 4, 16}), mask = at({32, 2}, DType::kUint8);
  constexpr std::int64_t kX = 1024, kMask = 64;
  BatchNormForward forward;
  forward.x = x;
  expect(forward, kX, 0);  // the statistics alone
  forward.y = x;
  expect(forward, kX + kX + kX, 0);
  forward.z = x;
  forward.mask = mask;
  expect(forward, kX + (kX + kX + kX + kMask), 0);
  BatchNormInference inference;
  inference.x = inference.y = x;
  expect(inference, kX + kX, 0);
  inference.mask = mask;
  expect(inference, kX + kX + kMask, 0);

  BatchNormBackward backward;
  backward.dy = backward.x = backward.dx = x;
  backward.mask = mask;
  expect(backward, (kX + kMask + kX) + (kX + kMask + kX + kX), 0);
  backward.dy2 = backward.dz = x;  // the second pass reads dz alone
  expect(backward, (kX + kX + kMask + kX + kX) + (kX + kX + kX), 0);
  BatchNormBackward rest;  // the sums are there
  rest.dy = rest.x = rest.dx = x;
  rest.summed = true;
  expect(rest, kX + kX + kX, 0);
  backward.frozen = true;  // which does not read x
  expect(backward, (kX + kX + kMask + kX + kX) + (kX + kX), 0);
}

TEST_F(Cost, OfTheEndsOfAStep) {
  const float* const sources[] = {memory, memory, memory};
  float* const targets[] = {memory, memory};
  expect(Average{sources, targets, 100}, (3 + 2) * 400, 0);
  expect(SgdUpdate{memory, memory, memory, {}, {}}, 5 * 32, 0);
  expect(OuterUpdate{memory, memory, memory}, 5 * 32, 0);
  expect(Compress{memory, memory, memory}, 5 * 32, 0);
  expect(Compress{memory, {}, {}}, 2 * 32, 0);
  expect(ClipScale{memory, {}}, 32, 0);
  expect(SquaredDistance{memory, memory, {}}, 2 * 32, 0);
  // 4 of 1000 images.
  expect(Augment{at({1000, 8, 8, 3}, DType::kUint8), {}, {}, at({4, 8, 8, 3})}, 4 * 192 * (1 + 2), 0);
  const TensorView logits = at({5, 10}, DType::kFloat32);
  expect(SoftmaxCrossEntropy{logits, {}, logits, {}}, 400, 0);
}

// Option A of 4x4x16 to 2x2x32: y is written, of x a quarter is read.
TEST_F(Cost, OfTheShortcut) {
  const TensorView x = at({1, 4, 4, 16}), y = at({1, 2, 2, 32});
  expect(ShortcutForward{2, x, y}, 4 * 16 * 2 + 4 * 32 * 2, 0);
  expect(ShortcutBackward{2, y, x}, 4 * 16 * 2 + 16 * 16 * 2, 0);
}

}  // namespace
}  // namespace drift::testing
