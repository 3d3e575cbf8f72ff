// Which steps --profile-every N records: whole rounds, for every N-th step could always be the same one of a round. Of
// the rounds every N-th from the first on; of the synchronous steps, each a round of one, the same.
#pragma once

#include "train/schedule/sync_plan.h"

namespace drift {

// A function of the plan: a resumed run records the same steps. Steps behind the last round are one more.
inline bool is_profiled(const SyncPlan& plan, Step step, std::int64_t every) {
  return (step < plan.switch_step() ? step : plan.rounds_before(step)) % every == 0;
}

}  // namespace drift
