// Worker: one replica and what it needs to train: model, arenas, optimizer, sampler position, stream and backend. It
// touches nothing outside itself; what it shares with the others goes through a Communicator. Activations are not its
// own: they live in the pool it is lent for a step, because fewer workers compute at once than there are replicas
// (lanes.h).
#pragma once

#include <memory>

#include "data/loader.h"
#include "engine/memory_pool.h"
#include "engine/optim/sgd.h"
#include "models/registry.h"
#include "train/config.h"

namespace drift {

struct BatchResult {
  double loss = 0;           // mean over the batch
  std::int64_t correct = 0;  // top-1
  // Upload, augmentation and loss belong to forward. On a GPU forward is the time to enqueue it, and the wait for both
  // is in backward.
  double forward_seconds = 0, backward_seconds = 0;
};

class Worker {
 public:
  // `data` and `sampler` must outlive the worker. Its parameters are the seed's initialisation, the same for every id.
  Worker(const TrainConfig& config, int id, const DataSource& data, const Sampler& sampler, Device device, int threads);

  int id() const { return id_; }
  Backend& backend() { return *backend_; }
  Model& model() { return *model_; }
  const Model& model() const { return *model_; }
  ParameterSet& parameters() { return model_->parameters; }
  const ParameterSet& parameters() const { return model_->parameters; }
  Loader& loader() { return *loader_; }

  // Fills the gradient arena; activations come from and return to `pool`.
  BatchResult forward_backward(const Batch& batch, MemoryPool& pool);
  // One optimizer step from the gradient arena.
  void update(double lr);

 private:
  int id_;
  DType precision_;
  Shape image_;
  Normalisation normalisation_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Model> model_;
  Sgd optimizer_;
  std::unique_ptr<Loader> loader_;
};

}  // namespace drift
