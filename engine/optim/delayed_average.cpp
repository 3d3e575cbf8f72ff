// See delayed_average.h.
#include "engine/optim/delayed_average.h"

#include <utility>

#include "core/check.h"

namespace drift {
namespace {

constexpr float kNothing = -0.0f;

}  // namespace

DelayedAverage::DelayedAverage(const ParameterSet& replica, Backend& backend, std::shared_ptr<MemorySource> source)
    : sent_(replica, backend), mean_(replica, backend, std::move(source)), difference_(replica, backend) {
  restore({}, backend);
}

void DelayedAverage::restore(std::span<const float> difference, Backend& backend) {
  range_ = {0, std::ssize(this->difference())};
  state_ = difference.empty() ? State::kNone : State::kArrived;
  if (difference.empty()) return backend.fill(as_tensor(this->difference()), kNothing);
  DRIFT_ASSERT(difference.size() == this->difference().size(), "{} floats are not the difference of {}",
               difference.size(), this->difference().size());
  backend.upload(difference.data(), as_tensor(this->difference()));
}

std::span<float> DelayedAverage::send(const ParameterSet& replica, const ArenaRange& range, Backend& backend) {
  DRIFT_ASSERT(state_ == State::kNone, "a part of the parameters is on its way already");
  const TensorView values = as_tensor(range.of(replica.values()));
  backend.copy(values, as_tensor(range.of(sent_.floats())));
  backend.copy(values, as_tensor(range.of(mean_.floats())));
  state_ = State::kOnItsWay;
  range_ = range;
  return range.of(mean_.floats());
}

void DelayedAverage::arrived(Backend& backend) {
  DRIFT_ASSERT(state_ == State::kOnItsWay, "no part of the parameters is on its way");
  backend.outer_update({.w = range_.of(mean_.floats()),
                        .v = range_.of(difference()),
                        .start = range_.of(sent_.floats()),
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
