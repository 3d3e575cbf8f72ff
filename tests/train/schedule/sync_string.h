// A plan as one letter per step (g averages gradients, f a fragment of the parameters, p all of them or the last one, .
// nothing), or as a list of its rounds.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "train/schedule/sync_plan.h"

namespace drift::testing {

inline std::string sync_string(const SyncPlan& plan, Step first, Step last) {
  std::string text;
  for (Step step = first; step < last; ++step) {
    const Sync sync = plan.at(step);
    text += sync == Sync::kGradients    ? 'g'
            : sync == Sync::kFragment   ? 'f'
            : sync == Sync::kNode       ? 'n'
            : sync == Sync::kParameters ? 'p'
                                        : '.';
  }
  return text;
}

// Every round of a plan, one by one.
inline std::vector<Round> all_rounds(const SyncPlan& plan) {
  std::vector<Round> rounds;
  std::optional<Round> round = plan.round_of(plan.switch_step());
  while (round) {
    rounds.push_back(*round);
    round = plan.round_of(round->last);
  }
  return rounds;
}

}  // namespace drift::testing
