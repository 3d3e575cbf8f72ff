#include "train/step/phase_clock.h"

#include <array>
#include <cstring>

namespace drift {

PhaseClock::PhaseClock(Device device)
    : stamps_(device, kStamps * sizeof(std::int64_t)), ring_(device, kStamps * sizeof(std::int64_t)) {}

void PhaseClock::stamp_from(std::int64_t first, Backend& backend) {
  auto* const stamps = static_cast<std::int64_t*>(stamps_.data());
  backend.stamp({.data = stamps + first, .shape = {kStamps - first}, .dtype = DType::kInt64});
}

StepTimes PhaseClock::take() {
  std::array<std::int64_t, kStamps> stamps;
  std::memcpy(stamps.data(), ring_.take(), sizeof stamps);
  const auto seconds = [&](StepPhase phase) {
    const auto begin = static_cast<std::size_t>(2 * number_of(phase));
    return 1e-9 * static_cast<double>(stamps[begin + 1] - stamps[begin]);
  };
  return {.upload_seconds = seconds(StepPhase::kUpload),
          .forward_seconds = seconds(StepPhase::kForward),
          .backward_seconds = seconds(StepPhase::kBackward),
          .update_seconds = seconds(StepPhase::kUpdate),
          .comm_seconds = seconds(StepPhase::kGradientAverage) + seconds(StepPhase::kParameterAverage)};
}

}  // namespace drift
