// CapturedSegment: a piece of a step that always enqueues the same work on the same memory. It runs as it is the first
// time, which builds plans and fills the pool; where the stream can capture, it is then captured once and replayed.
// What changes from step to step, the batch and the learning rate, lies in device memory that the work reads.
#pragma once

#include <memory>

#include "core/check.h"
#include "engine/memory_pool.h"
#include "kernels/device.h"

namespace drift {

class CapturedSegment {
 public:
  // capture: false runs `work` every time.
  CapturedSegment(Stream& stream, bool capture) : stream_(stream), capture_(capture) {}

  // Enqueues `work`, or replays what it enqueued before. pool: whose memory it uses, the same each time; nullptr if it
  // takes none.
  template <class Work>
  void run(const MemoryPool* pool, const Work& work) {
    if (!capture_ || !ran_) {
      work();
      ran_ = true;
      return;
    }
    if (!captured_) {
      captured_ = stream_.capture(work);
      pool_ = pool;
    }
    DRIFT_ASSERT(pool_ == pool, "a captured step uses the memory of another pool");
    captured_->replay();
  }
  bool captures() const { return capture_; }

 private:
  Stream& stream_;
  bool capture_;
  bool ran_ = false;
  std::unique_ptr<CapturedWork> captured_;
  const MemoryPool* pool_ = nullptr;
};

}  // namespace drift
