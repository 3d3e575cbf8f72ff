#include "train/config/sync_scope.h"

#include <fmt/format.h>

namespace drift {

std::string describe_scope(const SyncConfig& sync, bool has_batch_norm) {
  const SyncScope& scope = sync.scope;
  std::string text =
      sync.algorithm == Algorithm::kSgd ? "one model, gradients averaged at every step" : "averaged model";
  if (has_batch_norm) {
    switch (scope.bn_stats) {
      case BatchNormStats::kReestimate:
        text += fmt::format(", batch-norm statistics re-estimated on {} batches", scope.bn_batches);
        break;
      case BatchNormStats::kAverage:
        text += ", batch-norm statistics averaged";
        break;
      case BatchNormStats::kLocal:
        text += ", batch-norm statistics of worker 0";
        break;
    }
  }
  if (sync.algorithm == Algorithm::kSgd) return text;
  switch (scope.momentum) {
    case MomentumSync::kKeep:
      return text + ", momentum kept local";
    case MomentumSync::kAverage:
      return text + ", momentum averaged";
    case MomentumSync::kReset:
      return text + ", momentum reset at each average";
  }
  return text;
}

}  // namespace drift
