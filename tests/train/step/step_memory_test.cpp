// What a dry run foretells of a step's memory is what steps take.
#include "train/step/step_memory.h"

#include <fstream>
#include <gtest/gtest.h>
#include <malloc.h>
#include <sstream>
#include <string>

#include "core/check.h"
#include "data/open_data.h"
#include "tests/train/toy_run.h"

namespace drift {
namespace {

// A field of /proc/self/status, in bytes: VmRSS is what the process has in memory, VmHWM the most since it was reset.
std::int64_t status_bytes(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field + ":")) return 1024 * std::stoll(line.substr(field.size() + 1));
  }
  DRIFT_FAIL(kInternal, "/proc/self/status has no {}", field);
}

bool reset_peak() {
  std::ofstream reset("/proc/self/clear_refs");
  return static_cast<bool>(reset << "5" << std::flush);
}

TrainConfig config_of(const std::string& model, std::int64_t batch, int workers) {
  TrainConfig config = testing::toy_config(workers, 2, 4);
  config.model.name = model;
  config.data.spec = "synthetic:32:10";
  config.sync.local_batch = batch;
  config.machine.threads = config.machine.worker_threads = 1;
  return config;
}

struct Case {
  std::string model;
  std::int64_t batch;
  int workers;  // on one lane
  DType precision;
};

class StepMemoryOf : public ::testing::TestWithParam<Case> {};

TEST_P(StepMemoryOf, IsWhatStepsTakeWithinFivePercent) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's own memory is larger";
#endif
  mallopt(M_MMAP_THRESHOLD, 256 << 10);  // large memory that is free is the system's, whatever ran before
  const Case& c = GetParam();
  if (c.precision == DType::kBFloat16 && !cpu_features().bf16) GTEST_SKIP() << "no bfloat16 on this CPU";
  TrainConfig config = config_of(c.model, c.batch, c.workers);
  config.machine.precision = c.precision;
  const StepMemory memory =
      step_memory({.model = config.model, .batch = c.batch, .precision = c.precision, .threads = 1});
  const DataSource data = open_data(config.data, config.seed);
  { Trainer first(config_of(c.model, 1, 1), data); }  // what a process needs once
  malloc_trim(0);
  if (!reset_peak()) GTEST_SKIP() << "/proc/self/clear_refs cannot be written: no peak to look at";

  const std::int64_t before = status_bytes("VmRSS");
  Trainer trainer(config, data);
  testing::StepLog log;
  testing::run_to(trainer, 4, log);
  const auto taken = static_cast<double>(status_bytes("VmHWM") - before);
  // Of several workers one remembers the mean of the round before (MemoryNeed::telemetry).
  const std::size_t remembered = c.workers > 1 ? trainer.checkpoint().workers.front().values.size() * sizeof(float) : 0;
  EXPECT_NEAR(taken / static_cast<double>(memory.of(c.workers, 1) + static_cast<std::int64_t>(remembered)), 1, 0.05)
      << taken << " bytes taken; foretold " << memory.state << " of state, " << memory.batch << " of batches, "
      << memory.activations << " of activations, " << memory.workspace << " of workspace";
}

INSTANTIATE_TEST_SUITE_P(Networks, StepMemoryOf,
                         ::testing::Values(Case{"resnet20", 256, 1, DType::kFloat32},
                                           Case{"resnet20", 256, 1, DType::kBFloat16},
                                           Case{"resnet20", 128, 6, DType::kFloat32},
                                           Case{"vgg16", 8, 3, DType::kFloat32}),
                         [](const auto& each) {
                           const Case& c = each.param;
                           return c.model + "_" + std::to_string(c.batch) + "_" + std::to_string(c.workers) + "_" +
                                  std::string(name_of(c.precision));
                         });

// No memory is taken for it, whatever the network and the batch.
TEST(StepMemory, IsToldOfStepsThatThisMachineCouldNotHold) {
  const StepMemory memory = step_memory({.model = {.name = "resnet152"}, .batch = 1 << 9});
  EXPECT_GT(memory.activations, std::int64_t{75} << 30);
}

}  // namespace
}  // namespace drift
