// Job: the processes that a launcher started together, once they have found each other; how many workers they train is
// said later. Process 0 tells the others over the transport where it listens for the control channel, and a token that
// nobody else knows.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "comm/control.h"
#include "comm/membership.h"
#include "comm/transport.h"

namespace drift {

struct Job {
  int process = 0, processes = 1;
  std::shared_ptr<Transport> transport;  // nullptr for one process, and before on_gpus() where there is no MPI
  std::shared_ptr<Control> control;
  std::vector<std::string> hosts;  // names of the machines, by process
  int local_process = 0;           // among those on this machine
  int cores = 1;                   // for this process: those it may use, shared with the processes beside it
  std::optional<Device> device;    // its GPU, where each process has its own

  // Throws kConfig, saying what would do, for workers that cannot be shared evenly.
  Membership team_of(int workers) const;
};

struct JobOptions {
  int control_port = 0;          // 0: any free one
  double timeout_seconds = 300;  // for all to come, and for silence
  int nccl_multiprocessors = 0;  // that NCCL may use; 0: as many as it likes
};

// Of this process alone.
Job lone_job();
// The same processes with a GPU each, between which NCCL moves the floats. All of them call it.
Job on_gpus(Job job, Device device, const JobOptions& options);
// All processes of the transport call it. Throws kComm, naming who did not come.
Job join_job(std::shared_ptr<Transport> transport, const JobOptions& options);
// The same where all know beforehand how they find each other; without a transport.
Job join_job(const ControlOptions& known);

}  // namespace drift
