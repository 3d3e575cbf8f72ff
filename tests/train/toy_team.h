// The processes that share the runs of a test: this one alone, unless those of its program found each other before
// (toy_team_mpi.cpp). Then every process runs the same tests with the same seed, and a run has the workers of all.
#pragma once

#include <vector>

#include "comm/job.h"
#include "train/checkpoint/replica_state.h"

namespace drift::testing {

class ToyTeam {
 public:
  static const Job& job() { return job_; }
  static void set(Job job) { job_ = std::move(job); }

 private:
  static inline Job job_ = lone_job();
};

// Where this process trains.
Device toy_device();
// The smallest number of workers from `least` on that the processes can share.
int shared_workers(int least);
// What this process takes part in for a run: with one worker it is alone, like all the others. All of them call it,
// when what they had of an earlier run is gone, and wait for each other.
Membership toy_membership(int workers);
// The states of all workers, of which `part` is what this process has.
std::vector<ReplicaState> states_of_all(std::vector<ReplicaState> part, const Membership& membership);

}  // namespace drift::testing
