// DelayedAverage: of a part of a replica's parameters whose mean over workers travels while local steps go on. When it
// is mixed in, the parameters move by what the mean is away from what this worker sent:
//   w <- w + (mean - sent)
// (Shen et al. 2019, CoCoD-SGD, arXiv 1906.12043, algorithm 1.) Replicas are then not equal: what each did meanwhile
// stays its own.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "engine/arena_range.h"
#include "engine/optim/own_arena.h"

namespace drift {

class DelayedAverage {
 public:
  // For replicas like this one. Nothing is on its way. source: of the memory that travels, as ParameterSet::allocate().
  DelayedAverage(const ParameterSet& replica, Backend& backend, std::shared_ptr<MemorySource> source);
  DelayedAverage(const DelayedAverage&) = delete;
  DelayedAverage& operator=(const DelayedAverage&) = delete;

  // The parameters of this part set out; what is returned is to become their mean.
  std::span<float> send(const ParameterSet& replica, const ArenaRange& range, Backend& backend);
  // It has.
  void arrived(Backend& backend);
  // And is mixed in.
  void mix(const ParameterSet& replica, Backend& backend);

  enum class State : std::uint8_t { kNone, kOnItsWay, kArrived };
  State state() const { return state_; }
  // An arena like that of the parameters, all that there is to keep of a mean that has arrived; elsewhere it is -0,
  // which added to a number gives its bits.
  std::span<float> difference() const { return difference_.floats(); }
  void restore(std::span<const float> difference, Backend& backend);  // empty: nothing is on its way

 private:
  OwnArena sent_, mean_, difference_;
  State state_ = State::kNone;
  ArenaRange range_;  // of what is on its way; all where that was restored
};

}  // namespace drift
