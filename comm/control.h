// Control: the out-of-band channel of a team, on TCP: who belongs to it, what all agree on, when all stop, who failed.
// Process 0 listens, the others connect to it; each has one thread for the channel. It is never in the path of a step:
// nothing here waits for a worker, and no worker waits for this, but where it is asked to agree.
//
// A request to stop, from any process, becomes one step at which all leave: process 0 lets every process hold its
// workers back and say which step is the furthest that any has entered; the run then ends behind the furthest of all,
// which every worker can reach, because no average beyond it has begun.
//
// The first error of the team is the one that all report. A process whose connection is lost, or that says nothing for
// the time-out, is such an error: it is named.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "comm/control/socket.h"
#include "core/error.h"
#include "core/step.h"

namespace drift {

struct ControlOptions {
  int process = 0, processes = 1;
  std::vector<std::string> hosts = {"localhost"};  // where the others reach process 0: tried one after the other
  int port = 0;                                    // there
  std::string token;                               // of the job: who does not know it is refused
  double timeout_seconds = 300;                    // for all to come; after that, silence of a process
};

// What happened first to whom.
struct TeamFailure {
  ErrorKind kind = ErrorKind::kComm;
  int process = 0;
  std::string message;
  bool lost = false;  // it did not say so itself
};
// "process 2: the loss is nan"
Error as_error(const TeamFailure& failure);

// Called on the channel's thread, one at a time; they may not throw, nor wait for anything.
class ControlListener {
 public:
  virtual ~ControlListener() = default;
  // From now on no worker enters a further step. Returns the step behind the furthest that one has entered.
  virtual Step hold() = 0;
  // All go on, and leave before that step.
  virtual void leave_at(Step step) = 0;
  // The team has failed, here or elsewhere.
  virtual void failed(const TeamFailure& failure) = 0;
  // In process 0: what another process tells it.
  virtual void told(int process, std::string_view message) = 0;
};

class Control {
 public:
  virtual ~Control() = default;

  // The values of all processes, by process. All must ask for the same, in the same order; returns when all have.
  // `what` names it in errors. Throws kComm when they ask for different things, and what made the team fail.
  virtual std::vector<std::string> gather(std::string_view what, std::string_view value) = 0;

  // Who hears of stops and failures, while it lives; nullptr: nobody. What happened before is told at once. A listener
  // is set by one thread at a time.
  virtual void listen(ControlListener* listener) = 0;

  // Those that follow are callable from any thread, at any time.
  virtual void request_stop() noexcept = 0;
  // To process 0's listener: not at once, but before what this process says from now on in gather().
  virtual void tell(std::string message) noexcept = 0;
  // This process has failed, and with it the team.
  virtual void fail(ErrorKind kind, std::string_view message) noexcept = 0;
  // After fail(): what failed first, in the whole team. Waits until process 0 has said it.
  virtual TeamFailure first_failure() = 0;
};

// The values must be equal: throws kComm, naming who has another and the first line that differs, if they are not.
void agree(Control& control, std::string_view what, std::string_view value);

// The end of a channel that has failed waits, for some seconds, until process 0 has left: a launcher that ends all with
// the first that leaves would keep it from saying why.
//
// door: of process 0 of several, where it listens (listen_on). Returns when all processes have come. Throws kComm,
// naming those who have not, after the time-out; kConfig when this one is refused.
std::unique_ptr<Control> make_control(const ControlOptions& options, Socket door = Socket());

}  // namespace drift
