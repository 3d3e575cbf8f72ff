#include "train/step/joint_segment.h"

#include <utility>

#include "core/check.h"

namespace drift {
namespace {

constexpr int kFirst = 0;  // whose stream the graph is launched on

}  // namespace

JointSegment::JointSegment(const std::vector<Stream*>& streams)
    : begun_(streams.front()->device()), done_(streams.front()->device()) {
  for (Stream* const stream : streams) {
    const Device device = stream->device();
    DRIFT_ASSERT(stream->can_capture() && device == streams.front()->device(), "a stream on {} cannot join",
                 to_string(device));
    parts_.push_back({.stream = stream, .ready = Event(device), .joined = Event(device)});
  }
}

bool JointSegment::run(int place, const MemoryPool& pool, OpRecorder* recorder, const std::function<void()>& work,
                       const std::function<void()>& meet) {
  Part& mine = part(place);
  if (mine.pool == nullptr) {  // builds plans and fills the pool
    work();
    mine.pool = &pool;
    return true;
  }
  DRIFT_ASSERT(mine.pool == &pool, "a captured step uses the memory of another pool");
  const bool recorded = recorder != nullptr && recorder->records();
  const bool is_new = !std::exchange(mine.captured[recorded], true);
  if (is_new) {
    const auto marked_work = [&] { mine.recording = recorder->captured(work); };
    capture(place, recorded, recorded ? std::function<void()>(marked_work) : work, meet);
  }
  replay(place, recorded, meet);
  if (recorded) recorder->replayed(mine.recording);
  return is_new;
}

void JointSegment::capture(int place, bool recorded, const std::function<void()>& work,
                           const std::function<void()>& meet) {
  Stream& stream = *part(place).stream;
  if (place != kFirst) {
    meet();
    begun_.wait(stream);
    work();
    part(place).joined.record(stream);
    meet();
    meet();
    return;
  }
  captured_[recorded] = stream.capture([&] {
    begun_.record(stream);
    meet();
    work();
    meet();
    for (Part& other : parts_) {
      if (other.stream != &stream) other.joined.wait(stream);
    }
  });
  meet();  // until here the others' streams capture, too
}

void JointSegment::replay(int place, bool recorded, const std::function<void()>& meet) {
  Stream& stream = *part(place).stream;
  if (place != kFirst) {
    part(place).ready.record(stream);
    meet();
    meet();
    done_.wait(stream);
    return;
  }
  meet();
  for (Part& other : parts_) {
    if (other.stream != &stream) other.ready.wait(stream);
  }
  captured_[recorded]->replay();
  done_.record(stream);
  meet();
}

}  // namespace drift
