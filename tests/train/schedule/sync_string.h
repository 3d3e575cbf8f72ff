// A plan as one letter per step: g averages gradients, p parameters, . nothing.
#pragma once

#include <string>

#include "train/schedule/sync_plan.h"

namespace drift::testing {

inline std::string sync_string(const SyncPlan& plan, Step first, Step last) {
  std::string text;
  for (Step step = first; step < last; ++step) {
    const Sync sync = plan.at(step);
    text += sync == Sync::kGradients ? 'g' : sync == Sync::kParameters ? 'p' : '.';
  }
  return text;
}

}  // namespace drift::testing
