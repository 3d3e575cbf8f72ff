// One training step of one worker on random images: augment, forward, backward, update. What `bench_step` times.
#pragma once

#include <memory>
#include <vector>

#include "engine/memory_pool.h"
#include "engine/optim/sgd.h"
#include "models/registry.h"
#include "train/step/batch_memory.h"

namespace drift::bench {

struct StepOptions {
  ModelOptions model;
  std::int64_t batch = 128;
  DType precision = DType::kFloat32;
  int threads = 2;
  ConvolutionChoice convolutions = ConvolutionChoice::kAuto;
};

class TrainingStep {
 public:
  explicit TrainingStep(const StepOptions& options);

  // Runs a step on `backend`, which must be backend() or something that passes its calls on; returns the loss before
  // the update.
  double run(Backend& backend);
  Backend& backend() { return *backend_; }
  const Model& model() const { return *model_; }
  std::int64_t peak_bytes() const { return pool_.peak_bytes_in_use(); }

 private:
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Model> model_;
  MemoryPool pool_;
  Batch batch_;
  std::unique_ptr<BatchMemory> batch_memory_;
  DType precision_;
};

}  // namespace drift::bench
