// Trainer: runs K workers from step a to step b; the only place where worker, plan and communicator meet. Each worker
// is a thread that runs the loop of trainer.cpp from beginning to end (one program, many data); between two averages
// they do not wait for each other.
//
// What an average does to each part of a replica's state (SyncScope), in this order:
//   gradients   in a synchronous step, before the update; so parameters and momentum of all replicas stay equal there
//   parameters  at the end of each round, after the update
//   momentum    then: keep (each worker's own), average, or reset to zero; untouched while synchronous
//   bn_stats    then: average makes running statistics equal at the end of each round. Synchronous steps
//               leave them alone in every mode: each worker's follow its own batches. An evaluation works on a copy,
//               whose statistics are re-estimated (reestimate), averaged over the workers (average) or those of
//               worker 0 (local).
// Then the schedule moves on (learning rate, H), and evaluations come last.
#pragma once

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>

#include "comm/communicator.h"
#include "train/checkpoint/checkpoint.h"
#include "train/lanes.h"
#include "train/runs/records.h"
#include "train/schedule/lr_schedule.h"
#include "train/step/evaluate.h"
#include "train/step/worker.h"

namespace drift {

class Trainer {
 public:
  // `data` must outlive the trainer. Workers start from the seed's initialisation.
  Trainer(const TrainConfig& config, const DataSource& data);
  ~Trainer();

  const Schedule& schedule() const;
  const ThreadLayout& layout() const;
  Device device() const;
  Step step() const;         // steps done
  Model& model(int worker);  // for tests and tools
  // Of all workers, by kind of operation; with config.op_times on a GPU.
  std::map<std::string, OpTime> op_times();

  // Runs until `last`, or until `stop` turns true: then all workers finish the same step. Returns the steps done.
  // Throws what a worker threw; the trainer is unusable afterwards. kDiverged when a loss is not finite, naming step
  // and worker.
  Step run(Step last, MetricsSink& metrics, const std::atomic<bool>& stop);

  // Where evaluations run, and the memory of averaged_model() lies: all threads.
  Backend& backend();

  // The average over workers, on a copy without training state; no worker changes. Batch-norm statistics as configured,
  // or by another policy.
  std::unique_ptr<Model> averaged_model();
  std::unique_ptr<Model> averaged_model(BatchNormStats bn_stats);
  EvalRecord evaluate();                    // of averaged_model() on the test set
  EvalRecord evaluate(const Model& model);  // of a model that averaged_model() made

  Checkpoint checkpoint() const;
  void restore(const Checkpoint& checkpoint);            // throws kCheckpoint on a mismatch, changing nothing
  void load_weights(const std::filesystem::path& path);  // safetensors, into every worker; their momentum becomes zero

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drift
