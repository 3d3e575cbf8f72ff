// CapturedSegment: a piece of a step that always enqueues the same work on the same memory. It runs as it is the first
// time, which builds plans and fills the pool; where the stream can capture, it is then captured once and replayed.
// What changes from step to step, the batch and the learning rate, lies in device memory that the work reads. Steps
// that are recorded replay another capture, in which each operation is marked.
#pragma once

#include <array>
#include <memory>

#include "core/check.h"
#include "engine/memory_pool.h"
#include "kernels/device.h"
#include "kernels/observed/op_recorder.h"

namespace drift {

class CapturedSegment {
 public:
  // capture: false runs `work` every time. recorder: of what the work enqueues, or nullptr; it must outlive this.
  CapturedSegment(Stream& stream, OpRecorder* recorder, bool capture)
      : stream_(stream), recorder_(recorder), capture_(capture) {}

  // Enqueues `work`, or replays what it enqueued before. pool: whose memory it uses, the same each time; nullptr if it
  // takes none.
  template <class Work>
  void run(const MemoryPool* pool, const Work& work) {
    if (!capture_ || !ran_) {
      work();
      ran_ = true;
      return;
    }
    const bool recorded = recorder_ != nullptr && recorder_->records();
    Form& form = forms_[recorded];
    if (!form.captured) {
      form.captured = stream_.capture([&] { recorded ? void(form.recording = recorder_->captured(work)) : work(); });
      form.pool = pool;
    }
    DRIFT_ASSERT(form.pool == pool, "a captured step uses the memory of another pool");
    form.captured->replay();
    if (recorded) recorder_->replayed(form.recording);
  }
  bool captures() const { return capture_; }

 private:
  struct Form {
    std::unique_ptr<CapturedWork> captured;
    OpRecorder::Recording recording;  // what a replay does
    const MemoryPool* pool = nullptr;
  };

  Stream& stream_;
  OpRecorder* recorder_;
  bool capture_;
  bool ran_ = false;
  std::array<Form, 2> forms_;  // of steps that are not recorded, and of those that are
};

}  // namespace drift
