#include "train/step/device_moments.h"

#include <algorithm>
#include <memory>

#include "core/check.h"

namespace drift {
namespace {

// From when a GPU's clock counts is not documented. If it is 1970, sums of such times are not far from the end of an
// integer. The workers of a process have one GPU, so one origin.
std::int64_t origin_of_process(std::int64_t first) {
  static const std::int64_t origin = first;
  return origin;
}

}  // namespace

DeviceMoments::DeviceMoments(Backend& backend)
    : backend_(backend),
      stamps_(backend.stream().device(), kMarks * sizeof(std::int64_t)),
      ring_(backend.stream().device(), kMarks * sizeof(std::int64_t)) {
  measure_marks();
}

Moments::Mark DeviceMoments::mark() {
  Mark& next = capturing_ ? next_captured_ : next_;
  DRIFT_ASSERT(next < (capturing_ ? kMarks : kAsItComes), "a recording has more than {} moments",
               capturing_ ? kCaptured : kAsItComes);
  backend_.stamp({.data = static_cast<std::int64_t*>(stamps_.data()) + next, .shape = {1}, .dtype = DType::kInt64});
  return next++;
}

void DeviceMoments::send_home() {
  ring_.put({.data = stamps_.data(), .shape = {static_cast<std::int64_t>(kMarks)}, .dtype = DType::kInt64}, backend_);
  next_ = 0;
}

// The host is a few steps ahead of the device, and so are those who wait for results of steps.
std::int64_t DeviceMoments::due() const {
  return std::max<std::int64_t>(0, ring_.waiting() - (DownloadRing::kCapacity - 1));
}

std::vector<std::int64_t> DeviceMoments::take() {
  const auto* const stamps = static_cast<const std::int64_t*>(ring_.take());
  std::vector<std::int64_t> times(stamps, stamps + kMarks);
  for (std::int64_t& time : times) time -= origin_;
  return times;
}

// As marks in a graph follow each other; where the stream cannot capture, as they are enqueued.
void DeviceMoments::measure_marks() {
  constexpr std::size_t kCount = 65;
  backend_.fill({.data = stamps_.data(), .shape = {static_cast<std::int64_t>(stamps_.bytes() / sizeof(float))}}, 0);
  const auto make = [&] {
    for (std::size_t i = 0; i < kCount; ++i) mark();
  };
  make();
  if (backend_.stream().can_capture()) {
    next_ = 0;
    const std::unique_ptr<CapturedWork> marks = backend_.stream().capture(make);
    marks->replay();
    marks->replay();
    backend_.stream().synchronize();
  }
  send_home();
  const std::vector<std::int64_t> times = take();
  per_mark_ = (times[kCount - 1] - times[0]) / static_cast<std::int64_t>(kCount - 1);
  origin_ = origin_of_process(times[0]);
}

}  // namespace drift
