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

  // After backward: what was begun is waited for, or all of it is done now.
  void gradients();
  // The same of the replica, at the end of a round. Afterwards the parameters of all workers are equal bit for bit.
  // rate_change: Schedule's, of the round.
  void replica(double rate_change);

  // Waits for the threads of the other workers of this process.
  void meet() { comm_.meet(); }
  // A mean of the gradients was made by the replay of what had been captured.
  void gradients_were_replayed() { comm_.mean_was_made(std::ssize(worker_.parameters().gradients())); }

 private:
  Worker& worker_;
  Communicator& comm_;
  SyncScope scope_;
  bool overlap_;
};

}  // namespace drift
