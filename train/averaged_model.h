// AveragedModel: the copy that evaluations and checkpoints look at: the mean of the replicas, with batch-norm
// statistics re-estimated, averaged or those of worker 0. It has a stream with all threads, a backend and a pool of its
// own and is made while no worker computes, so training goes on with the same bits whether or not one evaluates. Its
// arenas are taken once, the first time it is asked for.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "comm/membership.h"
#include "engine/memory_pool.h"
#include "train/replicas.h"
#include "train/runs/records.h"
#include "train/step/evaluate.h"
#include "train/step/finite_check.h"

namespace drift {

class AveragedModel {
 public:
  // `config`, `data` and `replicas` must outlive it. With several processes, all make the same calls, and get the same.
  AveragedModel(const TrainConfig& config, const DataSource& data, const Replicas& replicas,
                const Membership& membership, Device device, int threads);

  Backend& backend() { return *backend_; }

  // Takes the mean after `step` steps, with statistics by `policy`; no replica changes. Valid until the next call.
  // Throws kDiverged if it is not finite, kStopped while re-estimating if asked to (evaluate.h): then it must be taken
  // again.
  const Model& update(Step step, BatchNormPolicy policy, const std::atomic<bool>& stop);
  const Model& latest() const { return *model_; }  // after an update()
  // Runs once, by this process alone and without effect, what the calls below will run.
  void rehearse();
  // Returns when all processes have come.
  void meet() {
    if (exchange_) exchange_->barrier();
  }
  // Of the latest update(), on the test set. Throws kDiverged if the loss is not finite, kStopped if asked to.
  Evaluation evaluate(const std::atomic<bool>& stop) { return evaluate(*data_.test, "test", stop); }
  // The same on the images held out of training; nothing where there are none.
  std::optional<Evaluation> validate(const std::atomic<bool>& stop);

 private:
  using Arena = std::span<float> (ParameterSet::*)() const;
  void allocate();
  void average(Arena arena);
  Evaluation evaluate(const Dataset& dataset, std::string_view name, const std::atomic<bool>& stop);
  void set_statistics(Step step, BatchNormPolicy policy, const std::atomic<bool>& stop);

  const TrainConfig& config_;
  const DataSource& data_;
  const Replicas& replicas_;
  std::unique_ptr<Exchange> exchange_;  // nullptr where there are no other processes
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<Backend> backend_;
  MemoryPool pool_;
  FiniteCheck finite_check_;
  std::unique_ptr<Model> model_;  // nullptr until it is first asked for
  Step step_ = 0;                 // of the latest update()
};

}  // namespace drift
