// Every graph that the networks ask of cuDNN has a plan on Ampere, Hopper and Blackwell, in float32 (without TF32) and
// bfloat16. cuDNN itself checks the graphs, chooses engines and compiles their code; nothing is run.
#include <algorithm>
#include <array>
#include <atomic>
#include <gtest/gtest.h>
#include <thread>

#include "models/dry_model.h"
#include "tests/cuda/planning.h"
#include "tests/support/require_gpu.h"
#include "train/step/dry_run.h"

namespace drift::testing {
namespace {

struct Asked {
  ModelOptions options;
  std::int64_t batch;
  DType precision;
};

// The depth of a ResNet changes none of its shapes, so one of each kind stands for all.
std::vector<Asked> everything() {
  std::vector<Asked> result;
  for (const DType precision : {DType::kBFloat16, DType::kFloat32}) {
    for (const char* name : {"resnet18", "resnet50"})
      result.push_back({{.name = name, .classes = 1000}, 32, precision});
    result.push_back({{.name = "resnet50", .classes = 1000, .resnet_v1 = true}, 32, precision});
    result.push_back({{.name = "vgg16"}, 128, precision});
    result.push_back({{.name = "resnet56"}, 128, precision});
    result.push_back({{.name = "resnet20", .norm = "group"}, 128, precision});
  }
  return result;
}

void plan(const Asked& asked, Backend& backend) {
  const std::unique_ptr<Model> model = make_dry_model(asked.options);
  const Shape images = images_for(*model, asked.batch);
  for (const TapeOptions mode : {kTraining, kInference}) dry_run(*model, images, asked.precision, mode, backend);
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

class EveryModel : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override { DRIFT_NEEDS_GPU(); }
};

// Two threads, so that they also meet in the plan cache.
TEST_P(EveryModel, HasItsPlans) {
  const std::vector<Asked> work = everything();
  Explanations explanations;
  std::atomic<std::size_t> next = 0;
  std::array<std::string, 2> failures;
  const auto run = [&](std::string& failure) {
    try {
      const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
      const auto backend = make_planning_backend(*stream, device_properties(GetParam()), explanations.options());
      for (std::size_t i = next++; i < work.size(); i = next++) plan(work[i], *backend);
    } catch (const std::exception& error) {
      failure = error.what();
    }
  };
  {
    std::jthread other(run, std::ref(failures[1]));
    run(failures[0]);
  }
  EXPECT_EQ(failures[0], "");
  EXPECT_EQ(failures[1], "");

  EXPECT_EQ(explanations.twice(), std::vector<std::string>{});
  int widened = 0;
  for (const auto& [key, line] : explanations.plans()) {
    EXPECT_FALSE(contains(line, "NONDETERMINISTIC")) << key << ": " << line;
    const bool tf32 = contains(key, " tf32 ");
    if (contains(key, "conv2d") && contains(key, " fp32 ") && !tf32) {
      EXPECT_FALSE(contains(line, "TENSOR_CORE")) << key << ": " << line;
    }
    widened += tf32 ? 1 : 0;
  }
  EXPECT_EQ(widened, 3) << "the bf16 weight gradients of the three kinds of first convolution, on images of 3 channels";
  EXPECT_TRUE(explanations.plans().contains("batch_norm_forward bf16 nhwc x [128,32,32,16] residual relu running"));
  EXPECT_TRUE(explanations.plans().contains(
      "conv2d_backward_weights bf16 nhwc x [32,56,56,256] w [64,1,1,256] stride 1 pad 0"));
  // First convolutions of blocks, and second ones.
  for (const std::string key : {"conv2d_backward_data bf16 nhwc x [128,16,16,32] w [32,3,3,32] stride 1 pad 1",
                                "conv2d_backward_data bf16 nhwc x [128,8,8,64] w [64,3,3,64] stride 1 pad 1"}) {
    EXPECT_TRUE(explanations.plans().contains(key)) << key;
    const auto found = explanations.plans().find(key + " addend");
    ASSERT_NE(found, explanations.plans().end()) << key;
    EXPECT_TRUE(contains(found->second, "workspace 0 bytes")) << found->second;
  }
  EXPECT_EQ(
      std::ranges::count_if(explanations.plans(), [](const auto& plan) { return plan.first.ends_with("addend"); }), 2);
}

INSTANTIATE_TEST_SUITE_P(Devices, EveryModel, ::testing::ValuesIn(planned_architectures()),
                         [](const auto& tested) { return "sm" + std::to_string(tested.param); });

}  // namespace
}  // namespace drift::testing
