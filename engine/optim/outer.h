// The outer optimizer of one replica: at the end of a round it takes what the average moved, from the parameters that
// all workers started the round from, as a gradient of its own (formula: OuterUpdate). All replicas make the same step,
// so they stay equal.
#pragma once

#include <span>

#include "engine/arena_range.h"
#include "engine/optim/own_arena.h"

namespace drift {

class OuterOptimizer {
 public:
  // For replicas like this one. Its momentum is 0.
  OuterOptimizer(const ParameterSet& replica, Backend& backend) : momentum_(replica, backend) {}
  OuterOptimizer(const OuterOptimizer&) = delete;
  OuterOptimizer& operator=(const OuterOptimizer&) = delete;

  // The parameters of this part are the mean of the workers; start: what all of them started from.
  void update(const ParameterSet& replica, const ArenaRange& range, std::span<float> start, float lr, float momentum,
              bool nesterov, Backend& backend);

  // An arena like that of the parameters, and all that there is to keep.
  std::span<float> momentum() const { return momentum_.floats(); }

 private:
  OwnArena momentum_;
};

}  // namespace drift
