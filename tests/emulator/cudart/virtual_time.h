// The virtual clock behind the times of events: what a call costs the host and what work takes on a device are fixed
// numbers, not the CPU's time. So times depend on what a program queues, in which order and after what, and on nothing
// else. They are no measure of speed.
#pragma once

#include <cstdint>

#include "tests/emulator/cudart/work.h"

namespace drift::emulator {

using Nanoseconds = std::int64_t;

// What the host pays for a call, for work that it queues, for a graph that it launches and for each of its nodes.
inline constexpr Nanoseconds kCall = 500, kQueue = 1500, kGraphLaunch = 4500, kGraphNode = 20;
// The least that a kernel, a fill or a copy within a device takes, and what a copy to or from the host takes beside its
// bytes.
inline constexpr Nanoseconds kShortestKernel = 2000, kHostCopyLatency = 5000;

// The time of the calling thread of the program: it goes on by calls and by waiting, never by computing.
class HostTime {
 public:
  Nanoseconds now() const { return now_; }
  void spend(Nanoseconds cost) { now_ += cost; }
  void queue(Nanoseconds cost);
  void reach(Nanoseconds time);  // the thread waited for what ended then
  // Has it come to `time`? If not, some time passes: more and more while the thread only asks, so that polling ends.
  bool poll(Nanoseconds time);

 private:
  Nanoseconds now_ = 0, patience_ = 0;
};

HostTime& host_time();  // of the calling thread

// What the host pays to queue the work, beside the call.
Nanoseconds cost_to_queue(const Work& work);
// What work takes on a device while it reads and writes so many bytes of its memory, and its timer is seen to pass.
Nanoseconds duration(const Work& work, std::uint64_t device_bytes, Nanoseconds timer);

}  // namespace drift::emulator
