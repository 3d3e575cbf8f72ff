// Streams, events and the operations queued on them. All of it is guarded by the runtime's one lock.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "tests/emulator/cudart/clock.h"
#include "tests/emulator/cudart/virtual_time.h"
#include "tests/emulator/cudart/work.h"

namespace drift::emulator {

struct Capture;
struct GraphNode;
class GraphRun;

struct Operation {
  Work work;
  std::vector<std::shared_ptr<Operation>> after;
  bool started = false, done = false;
  bool asked_for = false;  // by a query that found it unfinished
  int device = 0;
  std::uint32_t stream = 0, sequence = 0;
  std::shared_ptr<const Clock> clock;
  std::shared_ptr<GraphRun> graph;  // a graph's launch: its nodes run one by one
  PinnedGuard pinned;
  Nanoseconds queued_at = 0, end = 0;
};

struct Stream {
  std::uint32_t id = 0;
  int device = 0;
  int priority = 0;
  unsigned flags = 0;
  bool blocking = true;     // waits for the default stream and it for this one
  bool is_default = false;  // the legacy default stream of its device
  bool destroyed = false;   // it lives on until its queue is empty
  std::deque<std::shared_ptr<Operation>> queue;
  std::shared_ptr<Operation> last;
  Nanoseconds end = 0;  // of the last operation that is done
  Clock clock;
  std::shared_ptr<Capture> capture;  // while it is part of one
  std::vector<GraphNode*> tips;      // what the next captured node comes after
};

struct Event {
  bool timing = true;
  std::shared_ptr<Operation> operation;  // the last that it recorded; empty: none
  Clock clock;
  std::weak_ptr<Capture> capture;  // where it was recorded last, if that was in a capture
  bool captured = false;
  std::vector<GraphNode*> tips;
};

}  // namespace drift::emulator
