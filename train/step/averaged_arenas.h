// What the workers of a team average at the end of a round, arena by arena: a trainer does it, a plan counts it.
#pragma once

#include <span>
#include <vector>

#include "engine/parameter_set.h"
#include "train/config/sync.h"

namespace drift {

inline bool averages_buffers(const ParameterSet& replica, const SyncScope& scope) {
  return scope.batch_norm == BatchNormPolicy::kAverage && !replica.buffers().empty();
}

inline std::vector<std::span<float>> averaged_arenas(const ParameterSet& replica, const SyncScope& scope) {
  std::vector<std::span<float>> arenas = {replica.values()};
  if (scope.momentum == MomentumSync::kAverage) arenas.push_back(replica.momentum());
  if (averages_buffers(replica, scope)) arenas.push_back(replica.buffers());
  return arenas;
}

}  // namespace drift
