// Hub: what process 0 answers to what the processes say, itself among them; all it says, it says to all. No sockets, no
// threads, no time.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "comm/control.h"
#include "comm/control/frame.h"
#include "core/step.h"

namespace drift {

class Hub {
 public:
  explicit Hub(int processes) : processes_(processes), values_(count()), held_(count()) {}

  // Throws kComm for what a member of the team never says.
  std::vector<Frame> receive(int from, const Frame& frame);
  // The connection is lost, or it is silent. No failure if it has said good-bye.
  std::vector<Frame> lost(int process, const std::string& how);

 private:
  std::size_t count() const { return static_cast<std::size_t>(processes_); }
  bool anyone_waits() const;
  std::vector<Frame> gather(int from, const Frame& frame);
  std::vector<Frame> held(int from, Step step);
  std::vector<Frame> fail(const Frame& failure);

  int processes_;
  std::vector<std::optional<Frame>> values_;  // what each waits to see gathered
  std::vector<std::optional<Step>> held_;     // behind the furthest step of each
  bool stopping_ = false, failed_ = false;
  std::set<int> gone_;
};

Frame failure_frame(ErrorKind kind, int process, std::string_view message);
// Throws kComm for a frame that is none.
TeamFailure failure_in(const Frame& frame);
// The number in a field. Throws kComm for anything else.
std::int64_t number_in(const Frame& frame, std::size_t field);
// Throws kComm unless it has so many fields.
void require_fields(const Frame& frame, std::size_t count);

}  // namespace drift
