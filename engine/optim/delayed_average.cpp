// See delayed_average.h.
#include "engine/optim/delayed_average.h"

#include <utility>

#include "core/check.h"

namespace drift {
namespace {

constexpr float kNothing = -0.0f;

}  // namespace

DelayedAverage::DelayedAverage(const ParameterSet& replica, Device device, Backend& backend,
                               std::shared_ptr<MemorySource> source)
    : size_(replica.values().size()),
      sent_(device, replica.values().size_bytes()),
      mean_(device, replica.values().size_bytes(), std::move(source)),
      difference_(device, replica.values().size_bytes()) {
  restore({}, backend);
}

void DelayedAverage::restore(std::span<const float> difference, Backend& backend) {
  range_ = {0, static_cast<std::int64_t>(size_)};
  state_ = difference.empty() ? State::kNone : State::kArrived;
  if (difference.empty()) return backend.fill(as_tensor(this->difference()), kNothing);
  DRIFT_ASSERT(difference.size() == size_, "{} floats are not the difference of {}", difference.size(), size_);
  backend.upload(difference.data(), as_tensor(this->difference()));
}

std::span<float> DelayedAverage::send(const ParameterSet& replica, const ArenaRange& range, Backend& backend) {
  DRIFT_ASSERT(state_ == State::kNone, "a part of the parameters is on its way already");
  const TensorView values = as_tensor(range.of(replica.values()));
  backend.copy(values, as_tensor(range.of(floats(sent_))));
  backend.copy(values, as_tensor(range.of(floats(mean_))));
  state_ = State::kOnItsWay;
  range_ = range;
  return range.of(floats(mean_));
}

void DelayedAverage::arrived(Backend& backend) {
  DRIFT_ASSERT(state_ == State::kOnItsWay, "no part of the parameters is on its way");
  backend.outer_update({.w = range_.of(floats(mean_)),
                        .v = range_.of(difference()),
                        .start = range_.of(floats(sent_)),
                        .lr = 1,
                        .momentum = 0});
  state_ = State::kArrived;
}

void DelayedAverage::mix(const ParameterSet& replica, Backend& backend) {
  DRIFT_ASSERT(state_ == State::kArrived, "no part of the parameters has arrived");
  const TensorView values = as_tensor(range_.of(replica.values())),
                   difference = as_tensor(range_.of(this->difference()));
  backend.add(values, difference, values);
  backend.fill(difference, kNothing);
  state_ = State::kNone;
}

}  // namespace drift
