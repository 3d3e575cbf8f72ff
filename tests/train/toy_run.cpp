#include "tests/train/toy_run.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <type_traits>

#include "core/rng.h"
#include "data/memory_dataset.h"
#include "tests/train/toy_team.h"

namespace drift::testing {
namespace {

const Shape kImage{8, 8, 3};

std::vector<std::string> class_names() {
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < kToyClasses; ++i) names.push_back(fmt::format("class {}", i));
  return names;
}

// Each class has its own brightness pattern under the noise, so that there is something to learn.
std::unique_ptr<Dataset> noise_images(std::int64_t size, std::uint64_t seed, std::uint64_t split) {
  const Rng rng(seed, stream_id(Purpose::kTest, split));
  std::vector<std::uint8_t> images(static_cast<std::size_t>(size * kImage.elements()));
  std::vector<std::int32_t> labels(static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int32_t>(i % kToyClasses);
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto label = static_cast<std::size_t>(labels[i / static_cast<std::size_t>(kImage.elements())]);
    images[i] = static_cast<std::uint8_t>(rng.below(i, 156) + 100 * ((i / 3 >> (label % 4)) % 2));
  }
  return std::make_unique<MemoryDataset>(kImage, class_names(), std::move(images), std::move(labels));
}

}  // namespace

DataSource toy_data(std::int64_t train_size, std::int64_t test_size, std::uint64_t seed) {
  return {.name = "toy",
          .train = noise_images(train_size, seed, 0),
          .test = noise_images(test_size, seed, 1),
          .normalisation = {.mean = {0.5f, 0.4f, 0.3f}, .std = {0.25f, 0.2f, 0.3f}}};
}

DataSource repeated_for_workers(const DataSource& data, int workers, std::int64_t local_batch) {
  const auto copy_of = [&](const Dataset& from, int copies) {
    std::vector<std::uint8_t> images, image(static_cast<std::size_t>(kImage.elements()));
    std::vector<std::int32_t> labels;
    for (std::int64_t first = 0; first + local_batch <= from.size(); first += local_batch) {
      for (std::int64_t i = 0; i < copies * local_batch; ++i) {
        from.read_image(first + i % local_batch, image);
        images.insert(images.end(), image.begin(), image.end());
        labels.push_back(from.label(first + i % local_batch));
      }
    }
    return std::make_unique<MemoryDataset>(kImage, class_names(), std::move(images), std::move(labels));
  };
  return {.name = "repeated",
          .train = copy_of(*data.train, workers),
          .test = copy_of(*data.test, 1),
          .normalisation = data.normalisation};
}

TrainConfig toy_config(int workers, Step period, Step steps) {
  TrainConfig config;
  config.model = {.name = "cifar-resnet8", .classes = kToyClasses};
  config.sync.algorithm = Algorithm::kLocal;
  config.sync.workers = workers;
  config.sync.local_batch = 4;
  config.sync.periods = {period};
  config.sync.final_average = false;
  config.sync.scope.bn_batches = 3;
  config.lr.lr = 0.05;
  config.optimizer = {.momentum = 0.9, .nesterov = false, .weight_decay = 1e-3, .decay_norm_and_bias = false};
  config.length.steps = steps;
  config.evaluation.batch = 6;
  config.machine.device = "cpu";
  config.machine.threads = 2;
  config.machine.worker_threads = 1;
  return config;
}

TrainConfig synchronous(TrainConfig config) {
  config.sync.algorithm = Algorithm::kSgd;
  config.sync.periods = {1};
  return config;
}

void StepLog::step(const StepRecord& record) {
  steps.push_back(record);
  if (on_step) on_step(record);
}

Step run_to(Trainer& trainer, Step last, MetricsSink& log) {
  const std::atomic<bool> stop = false;
  return trainer.run(last, log, stop);
}

std::vector<StepRecord> steps_of_all(const std::vector<StepRecord>& steps, const Membership& membership) {
  static_assert(std::is_trivially_copyable_v<StepRecord>);
  const std::string_view bytes(reinterpret_cast<const char*>(steps.data()), steps.size() * sizeof(StepRecord));
  const std::string all = membership.control->gather("steps", bytes).front();  // process 0 has those of all workers
  std::vector<StepRecord> result(all.size() / sizeof(StepRecord));
  std::memcpy(result.data(), all.data(), all.size());
  return result;
}

ToyRun run_toy(const TrainConfig& config, const DataSource& data) {
  const Membership membership = toy_membership(config.sync.workers);
  StepLog log;
  std::vector<ReplicaState> workers;
  {
    Trainer trainer(config, data, membership);
    run_to(trainer, trainer.schedule().total_steps, log);
    workers = trainer.checkpoint().workers;
  }
  return {.steps = steps_of_all(log.steps, membership), .workers = states_of_all(std::move(workers), membership)};
}

std::vector<double> losses(const std::vector<StepRecord>& steps) {
  std::vector<double> result;
  for (const StepRecord& record : steps) result.push_back(record.loss);
  return result;
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(double{a[i]} - double{b[i]}));
  return largest;
}

void expect_same_bits(const ToyRun& a, const ToyRun& b) {
  EXPECT_EQ(losses(a.steps), losses(b.steps));
  ASSERT_EQ(a.workers.size(), b.workers.size());
  for (std::size_t k = 0; k < a.workers.size(); ++k) {
    EXPECT_TRUE(a.workers[k].values == b.workers[k].values) << "parameters of worker " << k;
    EXPECT_TRUE(a.workers[k].momentum == b.workers[k].momentum) << "momentum of worker " << k;
    EXPECT_TRUE(a.workers[k].buffers == b.workers[k].buffers) << "running statistics of worker " << k;
    EXPECT_TRUE(a.workers[k].round_start == b.workers[k].round_start) << "start of the round of worker " << k;
    EXPECT_TRUE(a.workers[k].wire_error == b.workers[k].wire_error) << "what rounding left out of worker " << k;
    EXPECT_TRUE(a.workers[k].delayed == b.workers[k].delayed) << "what is on its way to worker " << k;
    EXPECT_TRUE(a.workers[k].outer_momentum == b.workers[k].outer_momentum) << "outer momentum of worker " << k;
  }
}

}  // namespace drift::testing
