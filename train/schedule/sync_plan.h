// SyncPlan: Local SGD itself. Post-local SGD (Lin et al. 2020) is synchronous until switch_step, then rounds of H local
// steps, each ended by averaging parameters (Gu et al. 2023, section 1: parallel SGD, Local SGD and Post-local SGD).
//
//   step  0 1 2 | 3 4 5 6 | 7 8 9 10     switch_step = 3, H = 4
//   sync  g g g | . . . p | . . . p      g: average gradients   p: average parameters   .: no communication
//
// A pure function of the step: nothing to save, so a resumed run needs one integer. Parallel SGD switches never; Local
// SGD at 0.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/step.h"

namespace drift {

// Steps [first, last) without communication but for the parameter average after step last - 1.
struct Round {
  Step first = 0, last = 0;
  Step period() const { return last - first; }
  bool operator==(const Round&) const = default;
};

class SyncPlan {
 public:
  // rounds: back to back from switch_step on. Steps behind the last round stay local.
  SyncPlan(Step switch_step, std::vector<Round> rounds) : switch_step_(switch_step), rounds_(std::move(rounds)) {
    Step end = switch_step_;
    for (const Round& round : rounds_) {
      DRIFT_ASSERT(round.first == end && round.last > round.first, "round [{}, {}) does not follow step {}",
                   round.first, round.last, end);
      end = round.last;
    }
  }

  Sync at(Step step) const {
    if (step < switch_step_) return Sync::kGradients;
    const Round* round = round_of(step);
    return round != nullptr && step + 1 == round->last ? Sync::kParameters : Sync::kNone;
  }
  // The round that `step` belongs to; nullptr before the switch and behind the last round.
  const Round* round_of(Step step) const {
    const auto index = static_cast<std::size_t>(rounds_before(step));
    return step < switch_step_ || index == rounds_.size() ? nullptr : &rounds_[index];
  }
  // Rounds that have ended when `step` begins: parameter averages so far.
  std::int64_t rounds_before(Step step) const {
    return std::upper_bound(rounds_.begin(), rounds_.end(), step,
                            [](Step s, const Round& round) { return s < round.last; }) -
           rounds_.begin();
  }
  Step switch_step() const { return switch_step_; }
  const std::vector<Round>& rounds() const { return rounds_; }

 private:
  Step switch_step_;
  std::vector<Round> rounds_;
};

}  // namespace drift
