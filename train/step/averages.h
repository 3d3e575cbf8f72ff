// Averages: what one worker does to become one with the others, in a step that ends with it: the gradients of all
// become their mean before the update, or at the end of a round the replicas do. At once, or bucket by bucket while
// backward goes on with what is before them (overlap); the bits are the same.
#pragma once

#include "comm/communicator.h"
#include "train/config/sync.h"
#include "train/step/worker.h"

namespace drift {

class Averages {
 public:
  // overlap: the worker has buckets.
  Averages(Worker& worker, Communicator& comm, const SyncScope& scope, bool overlap)
      : worker_(worker), comm_(comm), scope_(scope), overlap_(overlap) {}

  // What can be done with parts of the arenas while backward goes on, in a step that ends with an average of that kind:
  // nothing without overlap.
  Worker::OnFinal while_backward(Sync sync);

  // After backward: what was begun is waited for, or all of it is done now. Of the replica, after the update:
  // afterwards the parameters of all workers are equal bit for bit.
  void gradients();
  void replica();
  // The same as work of the worker that is captured once and replayed (Worker::joint_step); it only enqueues.
  Worker::Averaging captured(Sync sync);
  // An average was made whose bytes nobody has counted: by the replay of what was captured.
  void count(Sync sync);

  // What follows the average of a round. rate_change: Schedule's, of the round.
  void end_round(double rate_change);

 private:
  Worker& worker_;
  Communicator& comm_;
  SyncScope scope_;
  bool overlap_;
};

}  // namespace drift
