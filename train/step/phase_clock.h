// PhaseClock: how long the device took for each part of a step, from stamps that are work like any other: so the steps
// of a captured graph are timed as well as those that are enqueued one operation at a time, nobody waits, and a step
// may be enqueued while the times of those before it are still under way.
#pragma once

#include <cstdint>

#include "core/step_times.h"
#include "train/step/download_ring.h"

namespace drift {

// In the order of a step. Each comes once in it, or not at all.
enum class StepPhase : std::uint8_t { kUpload, kForward, kBackward, kGradientAverage, kUpdate, kParameterAverage };
inline constexpr std::int64_t kPhases = 6;

class PhaseClock {
 public:
  explicit PhaseClock(Device device);

  // Enqueues a stamp. Where a phase ends the next one begins, unless it says itself when.
  void begin(StepPhase phase, Backend& backend) { stamp_from(2 * number_of(phase), backend); }
  void end(StepPhase phase, Backend& backend) { stamp_from(2 * number_of(phase) + 1, backend); }

  // After the last phase of a step: enqueues the copy of its stamps to the host.
  void step_done(Backend& backend) { ring_.put(all(), backend); }
  // Of the oldest step that was not taken; waits for it. What is measured on the host is 0.
  StepTimes take();

 private:
  static constexpr std::int64_t kStamps = 2 * kPhases;  // begin and end of each phase

  static std::int64_t number_of(StepPhase phase) { return static_cast<std::int64_t>(phase); }
  TensorView all() const { return {.data = stamps_.data(), .shape = {kStamps}, .dtype = DType::kInt64}; }
  // Writes it to this one and all later ones: phases that do not come take no time.
  void stamp_from(std::int64_t first, Backend& backend);

  Storage stamps_;
  DownloadRing ring_;
};

}  // namespace drift
