// The outer optimizer of one replica: at the end of a round it takes what the average moved, from the parameters that
// all workers started the round from, as a gradient of its own (formula: OuterUpdate). All replicas make the same step,
// so they stay equal.
#pragma once

#include "engine/arena_range.h"
#include "engine/parameter_set.h"

namespace drift {

class OuterOptimizer {
 public:
  // For replicas like this one. Its state is 0.
  OuterOptimizer(const ParameterSet& replica, Device device, Backend& backend);
  OuterOptimizer(const OuterOptimizer&) = delete;
  OuterOptimizer& operator=(const OuterOptimizer&) = delete;

  // All replicas are equal in this part: it is what they start from.
  void round_begins(const ParameterSet& replica, const ArenaRange& range, Backend& backend);
  // The parameters of this part are the mean of the workers.
  void update(const ParameterSet& replica, const ArenaRange& range, float lr, float momentum, bool nesterov,
              Backend& backend);

  // Arenas like that of the parameters, and all that there is to keep.
  std::span<float> start() const { return floats(start_); }
  std::span<float> momentum() const { return floats(momentum_); }
  static std::int64_t bytes(const ParameterSet& replica) {
    return 2 * static_cast<std::int64_t>(replica.values().size_bytes());
  }

 private:
  std::span<float> floats(const Storage& storage) const { return {static_cast<float*>(storage.data()), size_}; }

  std::size_t size_;
  Storage start_, momentum_;
};

}  // namespace drift
