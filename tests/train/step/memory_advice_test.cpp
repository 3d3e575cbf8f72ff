// The batch that is said to fit does, and one more does not.
#include "train/step/memory_advice.h"

#include <gtest/gtest.h>

#include "kernels/observed/null_backend.h"
#include "models/dry_model.h"
#include "train/step/dry_run.h"

namespace drift {
namespace {

std::int64_t bytes_for(const TrainConfig& config, std::int64_t batch) {
  const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
  NullBackend backend(*stream);
  const std::unique_ptr<Model> model = make_dry_model(config.model);
  return dry_run(*model, images_for(*model, batch), config.machine.precision, kTraining, backend);
}

TEST(MemoryAdvice, NamesTheLargestBatchThatFits) {
  TrainConfig config;
  config.model.name = "cifar-resnet8";
  for (const DType precision : {DType::kFloat32, DType::kBFloat16}) {
    config.machine.precision = precision;
    const ActivationBytes activations = activation_bytes(config, {32, 32, 3});
    const std::int64_t capacity = 2 * bytes_for(config, 17);  // for each of two workers
    const auto advice = [&](std::int64_t bytes) { return memory_advice(activations, 100, 2, bytes); };
    EXPECT_TRUE(advice(capacity).starts_with("A --local-batch of 17 would fit")) << advice(capacity);
    EXPECT_TRUE(advice(capacity - 2).starts_with("A --local-batch of 16 would fit")) << advice(capacity - 2);
    EXPECT_TRUE(advice(1000).starts_with("Not even a local batch of 1 fits")) << advice(1000);
    EXPECT_TRUE(advice(-1000).starts_with("Not even a local batch of 1 fits")) << advice(-1000);
  }
}

// The system may say that there is more than it gives.
TEST(MemoryAdvice, NamesNoBatchThatHasFailed) {
  TrainConfig config;
  config.model.name = "cifar-resnet8";
  const ActivationBytes activations = activation_bytes(config, {32, 32, 3});
  const std::int64_t plenty = 2 * bytes_for(config, 100);
  EXPECT_TRUE(memory_advice(activations, 17, 2, plenty).starts_with("A --local-batch of 16 would fit"));
  EXPECT_TRUE(memory_advice(activations, 1, 2, plenty).starts_with("Not even a local batch of 1 fits"));
  EXPECT_TRUE(memory_advice({}, 17, 2, plenty).starts_with("Use a smaller --local-batch"));
}

}  // namespace
}  // namespace drift
