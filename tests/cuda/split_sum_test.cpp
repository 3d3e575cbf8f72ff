// The weight gradients of layers with few channels: their long sums are cut so that they fill the device, on each kind
// of device, and a plan file pins the engine that does so.
#include "kernels/cuda/cudnn/split_sum.h"

#include <gtest/gtest.h>

#include "kernels/cuda/cudnn/plan.h"
#include "tests/cuda/planning.h"
#include "tests/support/require_gpu.h"

namespace drift::testing {
namespace {

ConvolutionGraph weight_gradient(std::int64_t images, std::int64_t extent, std::int64_t channels,
                                 DType dtype = DType::kBFloat16) {
  const Shape x{images, extent, extent, channels};
  return {.kind = ConvolutionGraph::Kind::kBackwardWeights,
          .window = {3, 1, 1},
          .x = x,
          .w = {channels, 3, 3, channels},
          .y = x,
          .dtype = dtype};
}

TEST(PartsOfSum, FillTheDevice) {
  EXPECT_EQ(parts_of_sum(weight_gradient(128, 32, 16), 132), 88);  // 3 tiles, 264 blocks wanted
  EXPECT_EQ(parts_of_sum(weight_gradient(128, 32, 16), 108), 72);
  EXPECT_EQ(parts_of_sum(weight_gradient(128, 8, 64), 132), 30);     // 9 tiles
  EXPECT_EQ(parts_of_sum(weight_gradient(4, 8, 16), 132), 1);        // 256 positions
  EXPECT_EQ(parts_of_sum(weight_gradient(12, 8, 16), 132), 3);       // 768
  EXPECT_EQ(parts_of_sum(weight_gradient(128, 7, 512), 132), 1);     // 576 tiles
  EXPECT_EQ(parts_of_sum(weight_gradient(4096, 32, 16), 999), 128);  // no more than cuDNN takes
}

class SplitPlan : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override { DRIFT_NEEDS_GPU(); }
  const PlanTarget target_ = read_plan_target(device_properties(GetParam()));
};

// The workspace holds a result for each part.
TEST_P(SplitPlan, HoldsAResultForEachPart) {
  const ConvolutionGraph request = weight_gradient(128, 32, 16);
  const PlanInfo info = build_plan(request, target_, "")->info();
  // On Ampere cuDNN's heuristics know, and choose the number themselves.
  const std::int64_t parts = GetParam() == 80 ? 16 : parts_of_sum(request, target_.multiprocessors);
  EXPECT_NE(info.engine.find(fmt::format("_k17={}", parts)), std::string::npos) << info.engine;
  EXPECT_GE(info.workspace_bytes, parts * request.w.elements() * 4);
  EXPECT_LE(info.workspace_bytes, parts * 64 * 192 * 4 + 4096) << "its tiles are too large for 16 x 144";
  EXPECT_EQ(info.notes.find("NONDETERMINISTIC"), std::string::npos) << info.notes;
  EXPECT_EQ(build_plan(request, target_, info.engine)->info().engine, info.engine);
}

TEST_P(SplitPlan, IsNotForResultsThatFillTheDevice) {
  const ConvolutionGraph request = weight_gradient(8, 7, 512);
  EXPECT_EQ(parts_of_sum(request, target_.multiprocessors), 1);
  const PlanInfo info = build_plan(request, target_, "")->info();
  if (GetParam() != 80) {
    EXPECT_EQ(info.engine.find("_k17="), std::string::npos) << info.engine;
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, SplitPlan, ::testing::ValuesIn(planned_architectures()),
                         [](const auto& tested) { return "sm" + std::to_string(tested.param); });

}  // namespace
}  // namespace drift::testing
