// What a Trainer holds; shared by trainer.cpp (the loop) and trainer_state.cpp (averaged copy, evaluation,
// checkpoints).
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "comm/in_process.h"
#include "train/trainer.h"

namespace drift {

// Evaluations run on one stream with all threads, while no worker computes.
struct Evaluator {
  Evaluator(Device device, int threads, const BackendOptions& options)
      : stream(make_stream(device, threads)), backend(make_backend(*stream, options)), pool(device) {}

  std::unique_ptr<Stream> stream;
  std::unique_ptr<Backend> backend;
  MemoryPool pool;
};

struct Trainer::State {
  State(const TrainConfig& run_config, const DataSource& source);
  // What would have fitted, once the device is full.
  std::string memory_advice() const;

  const TrainConfig config;
  const DataSource& data;
  const Device device;
  const Sampler sampler;
  const Schedule schedule;
  const ThreadLayout layout;
  LaneGate lanes;
  std::vector<std::unique_ptr<Communicator>> communicators;  // by worker
  Evaluator evaluator;
  std::optional<ResidentImages> train_images;  // on a GPU
  std::vector<std::unique_ptr<Worker>> workers;
  Step done = 0;
  bool failed = false;
};

}  // namespace drift
