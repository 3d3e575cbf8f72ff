// Whole runs small enough for tests: 8x8 images of noise, cifar-resnet8, a few steps, with everything a law may compare
// kept.
#pragma once

#include <atomic>
#include <functional>
#include <vector>

#include "train/trainer.h"

namespace drift::testing {

constexpr std::int64_t kToyClasses = 10;

// Random pixels and labels, a function of `seed`.
DataSource toy_data(std::int64_t train_size, std::int64_t test_size = 16, std::uint64_t seed = 1);

// Every group of local_batch training images `workers` times in a row, so that in sequential order each worker reads
// the same images as one worker alone does in `data`.
DataSource repeated_for_workers(const DataSource& data, int workers, std::int64_t local_batch);

// Local SGD with H = period, momentum and weight decay; one thread per worker, two lanes.
TrainConfig toy_config(int workers, Step period, Step steps);
// The same, synchronous throughout.
TrainConfig synchronous(TrainConfig config);

class StepLog final : public MetricsSink {
 public:
  std::function<void(const StepRecord&)> on_step;  // after it was logged; may be empty
  std::vector<StepRecord> steps;
  std::vector<RoundRecord> rounds;

  void step(const StepRecord& record) override;
  void round(const RoundRecord& record) override { rounds.push_back(record); }
  void evaluation(const EvalRecord&) override {}
};

// Runs to `last` without a request to stop.
Step run_to(Trainer& trainer, Step last, MetricsSink& log);

// What process 0 was told of all workers, in every process.
std::vector<StepRecord> steps_of_all(const std::vector<StepRecord>& steps, const Membership& membership);

struct ToyRun {
  std::vector<StepRecord> steps;
  std::vector<ReplicaState> workers;
};
// A whole run of the workers of all processes (toy_team.h).
ToyRun run_toy(const TrainConfig& config, const DataSource& data);

std::vector<double> losses(const std::vector<StepRecord>& steps);

// Between two elements with the same place.
double largest_difference(const std::vector<float>& a, const std::vector<float>& b);

// Fails the test unless every arena of every worker, and every loss, has the same bits.
void expect_same_bits(const ToyRun& a, const ToyRun& b);

}  // namespace drift::testing
