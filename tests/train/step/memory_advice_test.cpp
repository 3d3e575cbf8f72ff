// The batch that is said to fit does, and one more does not.
#include "train/step/memory_advice.h"

#include <gtest/gtest.h>

#include "kernels/observed/null_backend.h"
#include "train/step/dry_run.h"

namespace drift {
namespace {

std::int64_t bytes_for(const TrainConfig& config, std::int64_t batch) {
  const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
  NullBackend backend(*stream);
  const std::unique_ptr<Model> model = make_model(config.model);
  model->parameters.allocate(backend);
  return dry_run(*model, batch, config.machine.precision, kTraining, backend);
}

TEST(MemoryAdvice, NamesTheLargestBatchThatFits) {
  TrainConfig config;
  config.model.name = "cifar-resnet8";
  for (const DType precision : {DType::kFloat32, DType::kBFloat16}) {
    config.machine.precision = precision;
    const std::int64_t capacity = 2 * bytes_for(config, 17);  // for each of two workers
    EXPECT_TRUE(memory_advice(config, 2, capacity).starts_with("A --local-batch of 17 would fit"))
        << memory_advice(config, 2, capacity);
    EXPECT_TRUE(memory_advice(config, 2, capacity - 2).starts_with("A --local-batch of 16 would fit"))
        << memory_advice(config, 2, capacity - 2);
  }
  EXPECT_TRUE(memory_advice(config, 2, 1000).starts_with("Not even a local batch of 1 fits"));
}

}  // namespace
}  // namespace drift
