// DeviceMoments: moments by the clock of a device that only enqueues: each mark is a stamp in its stream, and all of a
// recording come home a few steps later.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/observed/moments.h"
#include "train/step/download_ring.h"

namespace drift {

class DeviceMoments final : public Moments {
 public:
  // Marks go to the stream of `backend`, which must outlive it. Measures what a mark takes; waits for the device.
  explicit DeviceMoments(Backend& backend);

  Mark mark() override;
  void send_home() override;
  std::int64_t due() const override;
  std::vector<std::int64_t> take() override;
  void capture_begins() override { capturing_ = true; }
  void capture_ends() override { capturing_ = false; }
  bool on_device() const override { return true; }
  std::int64_t nanoseconds_per_mark() const override { return per_mark_; }

  // Of what is enqueued as it comes in one recording, and of all that is captured: several times those of the deepest
  // network here.
  static constexpr std::size_t kAsItComes = 6144, kCaptured = 10240;

 private:
  static constexpr std::size_t kMarks = kAsItComes + kCaptured;
  void measure_marks();

  Backend& backend_;
  Storage stamps_;
  DownloadRing ring_;
  Mark next_ = 0, next_captured_ = kAsItComes;
  bool capturing_ = false;
  std::int64_t per_mark_ = 0, origin_ = 0;
};

}  // namespace drift
