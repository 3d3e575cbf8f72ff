#include "train/step/device_moments.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "core/check.h"

namespace drift {

DeviceMoments::DeviceMoments(Backend& backend)
    : backend_(backend),
      stamps_(backend.stream().device(), kMarks * sizeof(std::int64_t)),
      ring_(backend.stream().device(), kMarks * sizeof(std::int64_t)),
      per_mark_(measure_marks()) {}

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
  return std::max<std::int64_t>(0, waiting() - (DownloadRing::kCapacity - 1));
}

std::span<const std::int64_t> DeviceMoments::take() {
  taken_.resize(kMarks);
  std::memcpy(taken_.data(), ring_.take(), kMarks * sizeof(std::int64_t));
  return taken_;
}

// As marks in a graph follow each other; where the stream cannot capture, as they are enqueued.
std::int64_t DeviceMoments::measure_marks() {
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
  const std::span<const std::int64_t> times = take();
  return (times[kCount - 1] - times[0]) / static_cast<std::int64_t>(kCount - 1);
}

}  // namespace drift
