// SetupStop: what a request to stop does before training begins, when nothing is lost yet. It ends the process there
// and then, whatever is under way: reading, waiting for the others, setting up a library. The run directory is as a
// killed process leaves it: the same command starts again.
#pragma once

#include <memory>
#include <mutex>
#include <thread>

#include "comm/job.h"

namespace drift {

class SetupStop {
 public:
  // After install_stop_signals().
  SetupStop();

  // From now on it ends all processes of the job.
  void joined(const Job& job);
  // From now on whoever looks at stop_requested() has to see to it.
  void is_over();

 private:
  [[noreturn]] void leave();

  std::mutex mutex_;
  std::shared_ptr<Control> control_;  // of several processes that have joined
  int process_ = 0;
  std::jthread thread_;
};

}  // namespace drift
