// Job: the processes that a launcher started together, once they have found each other; how many workers they train is
// said later. Process 0 tells the others over the transport where it listens for the control channel, and a token that
// nobody else knows.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "comm/control.h"
#include "comm/membership.h"
#include "comm/transport.h"

namespace drift {

struct Job {
  int process = 0, processes = 1;
  std::shared_ptr<Transport> transport;  // nullptr for one process
  std::shared_ptr<Control> control;
  std::vector<std::string> hosts;  // names of the machines, by process
  int cores = 1;                   // for this process: those it may use, shared with the processes beside it

  // Throws kConfig, saying what would do, for workers that cannot be shared evenly.
  Membership team_of(int workers) const;
};

struct JobOptions {
  int control_port = 0;          // 0: any free one
  double timeout_seconds = 300;  // for all to come, and for silence
};

// Of this process alone.
Job lone_job();
// All processes of the transport call it. Throws kComm, naming who did not come.
Job join_job(std::shared_ptr<Transport> transport, const JobOptions& options);

}  // namespace drift
