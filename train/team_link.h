// TeamLink: the trainer's end of the control channel. A request to stop closes the gate on every process at one step; a
// failure anywhere ends the workers here and what they wait for; what the other processes tell of their steps waits
// here until process 0 writes its own.
#pragma once

#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "comm/membership.h"
#include "train/step_report.h"
#include "train/stop_gate.h"

namespace drift {

class TeamLink final : public ControlListener {
 public:
  // abort: ends, with a reason, whatever the workers of this process wait for; callable from any thread.
  TeamLink(const Membership& membership, std::function<void(std::string_view)> abort);
  ~TeamLink() override;

  StopGate& gate() { return gate_; }
  // An error of a worker of this process; called before the others learn of it: theirs are consequences.
  void fail(std::exception_ptr error) noexcept;
  // All processes have left the gate, after the same step. What they told of their steps has come. Returns whether the
  // team is to stop here. Throws what made it fail.
  bool meet(bool stop);
  // In process 0: reports of other processes that have come since. Throws kComm for what is none.
  std::vector<StepReport> take_reports();
  // To process 0.
  void send(const StepReport& report) { membership_.control->tell(encode(report)); }

  Step hold() override { return gate_.hold(); }
  void leave_at(Step step) override { gate_.leave_at(step); }
  void failed(const TeamFailure& failure) override;
  void told(int process, std::string_view message) override;

 private:
  Membership membership_;
  std::function<void(std::string_view)> abort_;
  StopGate gate_;
  std::mutex mutex_;  // of what follows
  std::deque<std::pair<int, std::string>> told_;
};

}  // namespace drift
