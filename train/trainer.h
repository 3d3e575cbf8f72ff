// Trainer: runs K workers from step a to step b; the only place where worker, plan and communicator meet.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "comm/communicator.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/lr_schedule.h"
#include "train/metrics.h"
#include "train/worker.h"

namespace drift {

class Trainer {
 public:
  // `data` must outlive the trainer. Workers start from the seed's initialisation.
  Trainer(const TrainConfig& config, const DataSource& data);
  ~Trainer();

  const Schedule& schedule() const;
  Step step() const;                               // steps done
  Model& model(int worker);                        // for tests and tools

  // Runs until `last`, or until `stop` turns true: then all workers finish the same step. Returns the steps done. Throws what a
  // worker threw; the trainer is unusable afterwards. kDiverged when a loss is not finite, naming step and worker.
  Step run(Step last, MetricsSink& metrics, const std::atomic<bool>& stop);

  // The average over workers, on a copy (SyncScope says what happens to batch-norm statistics); no training state changes.
  std::unique_ptr<Model> averaged_model();
  EvalRecord evaluate();

  Checkpoint checkpoint() const;
  void restore(const Checkpoint& checkpoint);      // throws kCheckpoint on a mismatch, changing nothing
  void load_weights(const std::filesystem::path& path);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drift
