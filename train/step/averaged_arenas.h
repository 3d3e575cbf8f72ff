// What the workers of a team average behind a step, arena by arena: a trainer does it, a plan counts it.
#pragma once

#include <span>
#include <vector>

#include "comm/shares.h"
#include "engine/arena_range.h"
#include "engine/parameter_set.h"
#include "train/config/sync.h"
#include "train/schedule/sync_plan.h"

namespace drift {

// The part of the parameter arenas that these fragments of `count` are.
inline ArenaRange range_of(const Fragments& fragments, int count, const ParameterSet& replica) {
  const std::int64_t all = std::ssize(replica.values());
  return {share_begin(all, fragments.begin, count), share_begin(all, fragments.end, count)};
}

// Statistics are averaged with the last fragment, at the end of the round.
inline bool averages_buffers(const ParameterSet& replica, const SyncScope& scope, Sync sync) {
  return sync == Sync::kParameters && scope.batch_norm == BatchNormPolicy::kAverage && !replica.buffers().empty();
}

// What becomes its mean over workers, and as what it travels.
struct AveragedArena {
  std::span<float> values;
  DType wire = DType::kFloat32;
};

inline std::vector<AveragedArena> averaged_arenas(const ParameterSet& replica, const SyncConfig& config, Sync sync,
                                                  const ArenaRange& range) {
  if (sync == Sync::kGradients) return {{replica.gradients(), config.wire.type}};
  std::vector<AveragedArena> arenas = {{range.of(replica.values()), config.wire.type}};
  if (config.scope.momentum == MomentumSync::kAverage) arenas.push_back({range.of(replica.momentum())});
  if (averages_buffers(replica, config.scope, sync)) arenas.push_back({replica.buffers()});
  return arenas;
}

}  // namespace drift
