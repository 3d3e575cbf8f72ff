// Session: a run from one evaluation or checkpoint to the next, until its end or until it is asked to stop.
#pragma once

#include <atomic>
#include <filesystem>
#include <optional>
#include <string>

#include "apps/checkpoint_pace.h"
#include "comm/membership.h"
#include "train/runs/metrics_tee.h"
#include "train/runs/progress.h"
#include "train/runs/run_directory.h"
#include "train/trainer.h"

namespace drift {

struct SessionOutputs {
  std::filesystem::path checkpoints;
  std::filesystem::path best = {};  // where the best of them is kept, if it is
  RunDirectory* run = nullptr;      // nullptr in processes that do not write
  Progress* progress = nullptr;     // also with -q
  MetricsSink* tensorboard = nullptr;
  MetricsSink* watch = nullptr;
  std::string data = {};  // what checkpoints say of it, data/fingerprint.h
};

class Session {
 public:
  // origin: what the run was resumed from. stop: asks for an end. All of them must outlive the session.
  Session(const TrainConfig& config, const Membership& membership, Trainer& trainer,
          const std::optional<FoundCheckpoint>& origin, SessionOutputs outputs, const std::atomic<bool>& stop,
          const Clock& clock = steady_clock());

  // Returns true at the end of the run, false when asked to stop before, wherever it is; then everything done is in a
  // checkpoint.
  bool run();

 private:
  void recall_best();
  bool comes_from(const std::filesystem::path& directory, Step step) const;
  bool look(bool evaluate, bool save);
  void keep_if_best(const EvalRecord& record);
  BatchNormPolicy configured_statistics() const { return config_.sync.scope.batch_norm; }
  BatchNormPolicy quick_statistics() const;
  Step next_look(Step step);
  bool is_checkpoint_due() const;
  void write(const std::filesystem::path& directory, int keep, const Model& model, bool provisional = false);
  void write_quickly();

  const TrainConfig& config_;
  const Membership& membership_;
  Trainer& trainer_;
  const std::optional<FoundCheckpoint>& origin_;
  SessionOutputs outputs_;
  const std::atomic<bool>& stop_;
  MetricsTee metrics_;
  CheckpointPace pace_;
  std::optional<double> best_val_top1_;  // so far
};

}  // namespace drift
