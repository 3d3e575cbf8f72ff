// Averages: what one worker does to become one with the others, in a step that ends with it: the gradients of all
// become their mean before the update, or at the end of a round the replicas do, or a part of them within it. At once,
// or bucket by bucket while backward goes on with what is before them (overlap); the bits are the same.
#pragma once

#include <optional>

#include "comm/communicator.h"
#include "train/config/sync.h"
#include "train/schedule/sync_plan.h"
#include "train/step/worker.h"

namespace drift {

// Which averages begin while backward goes on; the worker has buckets then. Where those of gradients do, averages that
// are mixed in late travel while local steps go on.
struct Overlap {
  bool gradients = false, parameters = false;
};

class Averages {
 public:
  // For steps from `first` on. What it is given must outlive it.
  Averages(Worker& worker, Communicator& comm, const SyncConfig& config, const SyncPlan& plan, Overlap overlap,
           Step first);

  // Before a step: a round may begin with it.
  void round_begins(Step step);
  // What can be done with parts of the arenas while this step's backward goes on: nothing without overlap.
  Worker::OnFinal while_backward(Step step);

  // After backward: what was begun is waited for, or all of it is done now. Of the replica, after the update: what the
  // plan averages behind this step is then equal on all workers, or on those of a node, bit for bit.
  void gradients();
  void replica(Step step);
  // Behind a step without one: mixes in what was begun behind an earlier one, where it is due.
  void delayed(Step step);
  // The worker leaves: nothing of it travels any more.
  void finish();
  // The same as work of the worker that is captured once and replayed (Worker::joint_step); it only enqueues.
  Worker::Averaging captured(Step step);
  // An average was made whose bytes nobody has counted: by the replay of what was captured.
  void count(Step step);

  // What follows an average of the replica. rate_change: Schedule's, of the round.
  void after_replica(Step step, double rate_change);

 private:
  ArenaRange range_at(Step step) const;
  void of_node();
  void send(Step step);
  void arrive();
  void mix();

  Worker& worker_;
  Communicator& comm_;
  const SyncConfig& config_;
  const SyncPlan& plan_;
  Overlap overlap_;
  std::optional<Step> sent_behind_;  // the step of an average that was begun and is not mixed in
};

}  // namespace drift
