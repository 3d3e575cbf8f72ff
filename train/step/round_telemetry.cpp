#include "train/step/round_telemetry.h"

#include <cmath>
#include <limits>

#include "core/check.h"

namespace drift {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

TensorView floats(const void* data, std::int64_t count) {
  return {.data = const_cast<void*>(data), .shape = {count}};
}

}  // namespace

RoundTelemetry::RoundTelemetry(Device device, bool follows_mean)
    : device_(device), follows_mean_(follows_mean), results_(device, 3 * sizeof(float)) {
  for (std::int64_t i = 0; i < kCapacity; ++i) arrivals_.emplace_back(device);
}

void RoundTelemetry::remember(const ParameterSet& replica, Backend& backend) {
  const std::span<const float> values = replica.values();
  if (!mean_before_) mean_before_.emplace(device_, values.size_bytes());
  backend.copy(floats(values.data(), std::ssize(values)), floats(mean_before_->data(), std::ssize(values)));
  remembers_ = true;
}

void RoundTelemetry::round_begins(const ParameterSet& replica, Backend& backend) {
  if (follows_mean_ && !remembers_) remember(replica, backend);
}

void RoundTelemetry::before_average(const ParameterSet& replica, Backend& backend) {
  const std::span<const float> values = replica.values();
  backend.copy(floats(values.data(), std::ssize(values)), floats(replica.gradients().data(), std::ssize(values)));
}

void RoundTelemetry::after_average(const ParameterSet& replica, Backend& backend) {
  DRIFT_ASSERT(waiting() < kCapacity, "{} rounds wait to be taken already", waiting());
  const std::span<const float> values = replica.values();
  float* const results = static_cast<float*>(results_.data());
  const auto measure = [&](std::span<const float> other, int place) {
    backend.squared_distance({values, other, floats(results + place, 1)});
  };
  Arrival& next = arrival(measured_++);
  next.has_moved = follows_mean_ && remembers_;
  measure(replica.gradients(), 0);
  if (next.has_moved) measure({static_cast<const float*>(mean_before_->data()), values.size()}, 1);
  if (follows_mean_) {
    measure({}, 2);
    remember(replica, backend);
  }
  backend.download_async(floats(results, 3), next.floats);
  next.arrived.record(backend.stream());
}

RoundDistances RoundTelemetry::take() {
  DRIFT_ASSERT(waiting() > 0, "no round is waiting");
  const Arrival& oldest = arrival(taken_++);
  oldest.arrived.synchronize();
  const float* const found = static_cast<const float*>(oldest.floats.data());
  return {.from_mean = found[0],
          .moved = oldest.has_moved ? found[1] : kUnknown,
          .norm = follows_mean_ ? found[2] : kUnknown};
}

}  // namespace drift
