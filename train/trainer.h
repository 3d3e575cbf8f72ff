// Trainer: runs K workers from step a to step b; the only place where worker, plan and communicator meet. Each worker
// is a thread that runs the loop of trainer.cpp from beginning to end (one program, many data); between two averages
// they do not wait for each other.
//
// What an average does to each part of a replica's state (SyncScope), in this order:
//   gradients   in a synchronous step, before the update; so parameters and momentum of all replicas stay equal there
//   parameters  at the end of each round, after the update
//   momentum    then: keep (each worker's own), average, or reset to zero; untouched while synchronous
//   batch_norm  then: average makes running statistics equal at the end of each round. Synchronous steps leave them
//               alone in every mode: each worker's follow its own batches. An evaluation works on a copy
//               (averaged_model.h), whose statistics are re-estimated, averaged over the workers or those of worker 0.
// Then the schedule moves on (learning rate, H), and evaluations come last.
#pragma once

#include <atomic>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>

#include "comm/communicator.h"
#include "comm/membership.h"
#include "models/convolution_trace.h"
#include "train/averaged_model.h"
#include "train/checkpoint/checkpoint.h"
#include "train/conditions.h"
#include "train/lanes.h"
#include "train/replicas.h"
#include "train/runs/records.h"
#include "train/schedule/schedule.h"
#include "train/step/averages.h"
#include "train/step/memory_advice.h"
#include "train/step_profiler.h"
#include "train/team_link.h"

namespace drift {

// Steps of all workers of a process that are one captured piece, by what they end with: on a GPU those that average
// gradients, and those that average parameters while backward goes on.
struct JointSteps {
  std::optional<JointSegment> gradients, parameters;

  JointSegment* of(Sync sync) {
    std::optional<JointSegment>& steps = sync == Sync::kGradients ? gradients : parameters;
    return averages_over_all(sync) && steps ? &*steps : nullptr;
  }
};

class Trainer {
 public:
  // Runs all workers. `data` must outlive the trainer. Workers start from the seed's initialisation.
  Trainer(const TrainConfig& config, const DataSource& data);
  // Runs the workers of this process. All processes of the team make the same calls; process 0 writes the steps of all,
  // and checkpoint() holds the states of this process's workers.
  Trainer(const TrainConfig& config, const DataSource& data, const Membership& membership);

  const Schedule& schedule() const { return schedule_; }
  const ThreadLayout& layout() const { return layout_; }
  Conditions conditions() const { return conditions_of(device_, layout_, summary(convolutions_)); }
  // Of a worker's step, and how a CPU computes them.
  const std::vector<ConvolutionTrace>& convolutions() const { return convolutions_; }
  Device device() const { return device_; }
  Step step() const { return done_; }                                  // steps done
  Model& model(int place) { return replicas_.worker(place).model(); }  // for tests and tools
  // With --profile, before run(): where the workers of this process record their steps; it must outlive the runs.
  void profile_into(ProfileFile& file);
  // Of all workers, by kind of operation; with --op-times.
  std::map<std::string, OpTime> op_times() const { return replicas_.op_times(); }

  // Runs until `last`, or until `stop` turns true in some process: then all workers of the team finish the same step.
  // Returns the steps done. Throws what a worker threw, here or, with its process, elsewhere; the trainer is unusable
  // afterwards. kDiverged, naming step and worker, when a loss is
  // not finite, and when the state of a replica is not: looked at after each round and at the end.
  Step run(Step last, MetricsSink& metrics, const std::atomic<bool>& stop);
  bool stopped() const { return stopped_; }  // whether the latest run() was asked to

  // Where evaluations run, and the memory of averaged_model() lies: all threads.
  Backend& backend() { return averaged_.backend(); }
  // The average over workers, on a copy without training state; no worker changes. Batch-norm statistics as configured,
  // or by another policy. Valid until the next call of this, or of evaluate(). Both throw kStopped, in all processes,
  // within a batch after `stop` turned true in one of them; training may go on then.
  const Model& averaged_model(const std::atomic<bool>& stop = kNobodyStops) {
    return averaged_model(config_.sync.scope.batch_norm, stop);
  }
  const Model& averaged_model(BatchNormPolicy policy, const std::atomic<bool>& stop = kNobodyStops) {
    prepare();
    return averaged_.update(done_, policy, stop);
  }
  EvalRecord evaluate(const std::atomic<bool>& stop = kNobodyStops);   // of averaged_model()
  const Model& evaluated_model() const { return averaged_.latest(); }  // what evaluate() looked at

  Checkpoint checkpoint() const;
  // From the states of this process's workers. Throws kCheckpoint on a mismatch, changing nothing.
  void restore(const Checkpoint& checkpoint);
  // safetensors, into every worker; their momentum becomes zero
  void load_weights(const std::filesystem::path& path) { replicas_.load_weights(path); }

 private:
  // One worker's thread, which brings its errors home.
  void run_worker_thread(int place, ReportSink& reports);
  void run_workers(ReportSink& reports);
  void prepare();
  // The same error, with what would have fitted where it is that there was no memory.
  std::exception_ptr with_advice(const std::exception_ptr& error, int worker) const;

  const TrainConfig config_;
  const Team team_;
  const Device device_;
  std::vector<std::unique_ptr<Communicator>> communicators_;  // by place; first, for they check the team
  const ThreadLayout layout_;
  const ActivationBytes activations_;
  const std::vector<ConvolutionTrace> convolutions_;
  LaneGate lanes_;
  Replicas replicas_;
  const Schedule schedule_;
  AveragedModel averaged_;
  const Overlap overlap_;
  JointSteps joint_;
  std::deque<StepProfiler> profilers_;  // by place, where steps are recorded
  TeamLink link_;
  Step done_ = 0;
  bool stopped_ = false, failed_ = false, prepared_ = false;
};

}  // namespace drift
