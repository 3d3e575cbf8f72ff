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
    : device_(device),
      follows_mean_(follows_mean),
      results_(device, 3 * sizeof(float)),
      arrivals_(device, 3 * sizeof(float)) {}

void RoundTelemetry::remember(const ParameterSet& replica, Backend& backend) {
  const std::span<const float> values = replica.values();
  if (!mean_before_) mean_before_.emplace(device_, values.size_bytes());
  backend.copy(floats(values.data(), std::ssize(values)), floats(mean_before_->data(), std::ssize(values)));
  remembers_ = true;
}

void RoundTelemetry::round_begins(const ParameterSet& replica, Backend& backend) {
  if (follows_mean_ && !remembers_) remember(replica, backend);
}

void RoundTelemetry::before_average(const ParameterSet& replica, const ArenaRange& range, Backend& backend) {
  backend.copy(as_tensor(range.of(replica.values())), as_tensor(range.of(replica.gradients())));
}

void RoundTelemetry::after_average(const ParameterSet& replica, Backend& backend) {
  const std::span<const float> values = replica.values();
  float* const results = static_cast<float*>(results_.data());
  const auto measure = [&](std::span<const float> other, int place) {
    backend.squared_distance({values, other, floats(results + place, 1)});
  };
  const bool has_moved = follows_mean_ && remembers_;
  measure(replica.gradients(), 0);
  if (has_moved) measure({static_cast<const float*>(mean_before_->data()), values.size()}, 1);
  if (follows_mean_) {
    measure({}, 2);
    remember(replica, backend);
  }
  arrivals_.put(floats(results, 3), backend);
  has_moved_.push_back(has_moved);
}

RoundDistances RoundTelemetry::take() {
  const float* const found = static_cast<const float*>(arrivals_.take());
  const bool has_moved = has_moved_.front();
  has_moved_.pop_front();
  return {.from_mean = found[0], .moved = has_moved ? found[1] : kUnknown, .norm = follows_mean_ ? found[2] : kUnknown};
}

}  // namespace drift
