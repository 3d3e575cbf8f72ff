// What a run records of itself, one struct per kind; record_fields.h has their fields as a table. MetricsSink receives
// those of steps, rounds and evaluations, in order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/step.h"
#include "core/step_times.h"

namespace drift {

// Somebody begins to work on the run: its first start, or one that goes on.
struct BeginRecord {
  Step step = 0;          // steps done
  std::string time = {};  // UTC, 2026-01-31T12:00:00Z
  std::string host = {};
};

struct StepRecord {
  Step step = 0;             // 0-based; the record of step t describes the update from step t to t+1
  double epoch = 0;          // (step + 1) / steps per epoch
  std::int64_t samples = 0;  // over all workers, so far
  std::int64_t round = 0;    // averages done before this step
  Step period = 1;           // H of the round this step is in; 1 when synchronous
  double loss = 0;           // mean over the K workers
  double top1 = 0;           // training accuracy on the augmented batches, in [0,1]
  double lr = 0;
  Sync sync = Sync::kNone;
  double images_per_second = 0;
  double seconds = 0;      // wall time since the previous record, over the slowest worker
  StepTimes times = {};    // mean over workers
  std::int64_t bytes = 0;  // sent by all workers in this step
};

// The end of a round, with --telemetry. Of K workers' parameters as vectors theta_k, their mean m, the mean m' of the
// round before and updates u_k = theta_k - m'.
struct RoundRecord {
  Step step = 0;  // the round's last
  double epoch = 0;
  std::int64_t round = 0;             // from 0
  Step period = 1;                    // H
  double loss = 0;                    // of the workers, at that step; what the average has is the next step's
  double consensus = 0;               // (1/K) sum |theta_k - m|^2
  double relative_consensus = 0;      // of |m|^2
  std::optional<double> update = {};  // |m - m'|; nothing for a round that was gone on with in the middle
  std::optional<double> cosine = {};  // between the u_k of two workers, on average, norms taken as equal
};

// On the images held out of training.
struct ValidationRecord {
  double loss = 0;
  double top1 = 0, top5 = 0;  // in [0,1]
  std::int64_t correct = 0, correct_top5 = 0, total = 0;
};

struct EvalRecord {
  Step step = 0;  // steps done
  double epoch = 0;
  double loss = 0;            // this and the next two rows on the test set
  double top1 = 0, top5 = 0;  // in [0,1]; top5: the label is among the five best classes
  std::int64_t correct = 0, correct_top5 = 0, total = 0;
  std::optional<ValidationRecord> validation = {};  // with --val-split
  double seconds = 0;                               // averaging and batch-norm re-estimation included
};

struct CheckpointRecord {
  Step step = 0;          // steps done
  std::string path = {};  // below the run directory: "ckpt/step-12"
  double seconds = 0;
};

// Of a session that could still say so.
struct EndRecord {
  Step step = 0;            // steps done
  std::string time = {};    // UTC, as in BeginRecord
  std::string status = {};  // "finished", "stopped", "diverged", "failed"; why: summary.json
};

class MetricsSink {
 public:
  virtual ~MetricsSink() = default;
  virtual void step(const StepRecord& record) = 0;  // in order of steps, from one thread at a time
  virtual void evaluation(const EvalRecord& record) = 0;
  virtual void round(const RoundRecord& /*record*/) {}  // behind the step that ends it
};

}  // namespace drift
