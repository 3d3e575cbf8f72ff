// JointSegment: a CapturedSegment (captured_segment.h) of all workers of a process, for work in which their streams
// wait for each other. It is captured as one graph, in which the parts of all workers branch off the first one's stream
// and join it again, and one launch runs it for all. Each worker's thread brings its own part; the threads meet, and
// none waits for the device.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "engine/memory_pool.h"
#include "kernels/device.h"
#include "kernels/observed/op_recorder.h"

namespace drift {

class JointSegment {
 public:
  // The workers' streams by their places, on one device that can capture; they must outlive it.
  explicit JointSegment(const std::vector<Stream*>& streams);

  // Enqueues `work`, the part of the worker at `place`, or replays what it enqueued before; then returns false. The
  // parts use the same memory each time, `pool`'s among it, and may wait for each other by events alone. All workers
  // call it equally often. meet() returns when the threads of all have called it, and throws where one has given up.
  // recorder: of what the part enqueues, or nullptr; those of all workers record the same calls of this.
  bool run(int place, const MemoryPool& pool, OpRecorder* recorder, const std::function<void()>& work,
           const std::function<void()>& meet);

 private:
  struct Part {
    Stream* stream;
    Event ready;                           // what it enqueued before the launch
    Event joined;                          // its part of the graph
    const MemoryPool* pool = nullptr;      // of the first run
    std::array<bool, 2> captured = {};     // by whether steps are recorded
    OpRecorder::Recording recording = {};  // what a replay does, then
  };

  void capture(int place, bool recorded, const std::function<void()>& work, const std::function<void()>& meet);
  void replay(int place, bool recorded, const std::function<void()>& meet);
  Stream& first() { return *parts_.front().stream; }
  Part& part(int place) { return parts_[static_cast<std::size_t>(place)]; }

  std::vector<Part> parts_;
  Event begun_, done_;  // on the first stream: of the graph and of its launches
  // By whether steps are recorded; the first worker's thread alone looks at it.
  std::array<std::unique_ptr<CapturedWork>, 2> captured_;
};

}  // namespace drift
