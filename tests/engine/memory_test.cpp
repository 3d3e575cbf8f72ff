// Activation memory: nothing is allocated after the warm-up steps, and backward frees what it no longer needs.
#include <gtest/gtest.h>

#include "tests/engine/small_nets.h"

namespace drift {
namespace {

using testing::Environment;

TEST(StepMemory, NothingIsAllocatedAfterTwoSteps) {
  Environment environment(2);
  testing::BatchNormNet net;
  net.start(environment);
  const Tensor images = environment.normal({8, 7, 7, 3}, 1);
  for (int step = 0; step < 2; ++step) testing::run_step(environment, net, images, true);
  const std::int64_t allocations = Storage::allocations();
  const std::int64_t in_use = environment.pool().bytes_in_use();
  const std::int64_t peak = environment.pool().peak_bytes_in_use();
  for (int step = 0; step < 5; ++step) testing::run_step(environment, net, images, true);
  EXPECT_EQ(Storage::allocations(), allocations);
  EXPECT_EQ(environment.pool().bytes_in_use(), in_use);
  EXPECT_EQ(environment.pool().peak_bytes_in_use(), peak);
}

// A chain of equal convolutions: what each keeps is its input.
class ConvChain final : public testing::SmallNet {
 public:
  static constexpr int kLength = 10;
  ConvChain() {
    for (int i = 0; i < kLength; ++i) {
      layers_.push_back(std::make_unique<Conv2d>(set, "conv" + std::to_string(i),
                                                 Conv2dOptions{.in_channels = 3, .out_channels = 3}));
    }
  }
  Tensor forward(Tape& tape, const Tensor& images) const override {
    Tensor x = images;
    for (const auto& layer : layers_) x = layer->forward(tape, x);
    return linear_.forward(tape, global_average_pool(tape, x));
  }

 private:
  std::vector<std::unique_ptr<Conv2d>> layers_;
  Linear linear_{set, "linear", {.in_features = 3, .out_features = testing::kClasses, .weight_std = 1}};
};

TEST(StepMemory, BackwardFreesWhatItNoLongerNeeds) {
  Environment environment;
  ConvChain net;
  net.start(environment);
  MemoryPool& pool = environment.pool();
  const Tensor images = environment.normal({4, 16, 16, 3}, 1);
  const Tensor labels = environment.cyclic_labels(4, testing::kClasses);
  const auto activation_bytes = static_cast<std::int64_t>(images.view().bytes());
  constexpr std::int64_t kSmall = 1024;  // logits, loss, labels

  const std::int64_t before = pool.bytes_in_use();
  Tape tape(environment.backend(), pool, DType::kFloat32, kTraining);
  {
    const Tensor loss = softmax_cross_entropy(tape, net.forward(tape, images), labels.view());
    // The inputs of all convolutions but the first, whose input is the caller's.
    const std::int64_t saved = pool.bytes_in_use() - before;
    EXPECT_GE(saved, (ConvChain::kLength - 1) * activation_bytes);
    EXPECT_LE(saved, (ConvChain::kLength - 1) * activation_bytes + kSmall);
  }
  const std::int64_t peak_forward = pool.peak_bytes_in_use();
  tape.backward();
  // dy stands where the last output stood, and each dx takes the place of the x that was just used.
  EXPECT_LE(pool.peak_bytes_in_use(), peak_forward + kSmall);
  EXPECT_EQ(pool.bytes_in_use(), before);
}

TEST(StepMemory, InferenceKeepsOnlyTwoActivations) {
  Environment environment;
  ConvChain net;
  net.start(environment);
  MemoryPool& pool = environment.pool();
  const Tensor images = environment.normal({4, 16, 16, 3}, 1);
  const std::int64_t before = pool.bytes_in_use();
  Tape tape(environment.backend(), pool, DType::kFloat32, kInference);
  const Tensor logits = net.forward(tape, images);
  EXPECT_LE(pool.peak_bytes_in_use() - before, 2 * static_cast<std::int64_t>(images.view().bytes()) + 1024);
}

// The gradient that a residual receives lies where dy lay.
TEST(StepMemory, TheResidualsGradientReusesMemory) {
  Environment environment;
  ParameterSet set;
  const Conv2d stem(set, "stem", {.in_channels = 3, .out_channels = 8});
  const BatchNorm norm(set, "bn", 8);
  const Linear linear(set, "linear", {.in_features = 8, .out_features = testing::kClasses, .weight_std = 1});
  set.allocate(environment.backend());
  set.initialise(environment.backend(), 1);
  MemoryPool& pool = environment.pool();
  const Tensor images = environment.normal({4, 16, 16, 3}, 1);
  const Tensor labels = environment.cyclic_labels(4, testing::kClasses);
  Tape tape(environment.backend(), pool, DType::kFloat32, kTraining);
  const std::int64_t before = pool.bytes_in_use();
  {
    const Tensor x = stem.forward(tape, images);
    const Tensor y = norm.forward_add_relu(tape, x, x);
    softmax_cross_entropy(tape, linear.forward(tape, global_average_pool(tape, y)), labels.view());
  }
  tape.backward();
  // x, dy (which becomes dz) and dx live at once.
  const std::int64_t activation_bytes = 4 * 16 * 16 * 8 * 4;
  EXPECT_LT(pool.peak_bytes_in_use() - before, 3 * activation_bytes + activation_bytes / 2);
}

}  // namespace
}  // namespace drift
