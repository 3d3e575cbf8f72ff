// SyncPlan: Local SGD itself. Post-local SGD (Lin et al. 2020) is synchronous until switch_step, then rounds of H local
// steps, each ended by averaging parameters (Gu et al. 2023, section 1: parallel SGD, Local SGD and Post-local SGD).
//
//   step  0 1 2 | 3 4 5 6 | 7 8 9 10     switch_step = 3, H = 4
//   sync  g g g | . . . p | . . . p      g: average gradients   p: average parameters   .: no communication
//   sync  g g g | . f . p | . f . p      in two fragments: f: average the first half of the parameters, p: the second
//   sync  g g g | . n . p | . n . p      in two levels, H1 = 2: n: average within nodes
//
// By fragments (Douillard et al. 2025, Streaming DiLoCo, section 2.1) each part of the parameters is averaged once in a
// round, one after the other, so that less travels at a time; each is averaged every H steps. With a delay of D steps
// an average is mixed in D steps after it was begun, at the latest before the next one; the last of all at once.
//
// In two levels (Lin et al. 2020, hierarchical local SGD) the workers of a node average among each other every H1 steps
// of a round, counted from its first, and all workers at its end.
//
// A pure function of the step: nothing to save, so a resumed run needs one integer. Parallel SGD switches never; Local
// SGD at 0. Rounds that are alike are kept as one stretch: a plan is as large as H changes often, not as the run is
// long.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
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

// `count` rounds of `period` steps each, back to back from step `first` on.
struct Stretch {
  Step first = 0, period = 0;
  std::int64_t count = 0;
  Step last() const { return first + period * count; }
  bool operator==(const Stretch&) const = default;
};

// Numbers [begin, end) of the equal parts that the parameters are averaged by.
struct Fragments {
  int begin = 0, end = 0;
  bool operator==(const Fragments&) const = default;
};

class SyncPlan {
 public:
  // stretches: back to back from switch_step on. Steps behind the last one stay local.
  SyncPlan(Step switch_step, std::vector<Stretch> stretches, int fragments = 1, Step delay = 0, Step node_period = 0)
      : switch_step_(switch_step),
        fragments_(fragments),
        delay_(delay),
        node_period_(node_period),
        stretches_(std::move(stretches)) {
    Step end = switch_step_;
    for (const Stretch& stretch : stretches_) {
      DRIFT_ASSERT(stretch.first == end && stretch.period > 0 && stretch.count > 0,
                   "{} rounds of {} steps from {} on do not follow step {}", stretch.count, stretch.period,
                   stretch.first, end);
      rounds_before_.push_back(rounds_);
      rounds_ += stretch.count;
      end = stretch.last();
    }
  }

  Sync at(Step step) const {
    if (step < switch_step_) return Sync::kGradients;
    const std::optional<Round> round = round_of(step);
    if (round && step + 1 == round->last) return Sync::kParameters;
    if (round && node_period_ > 0 && (step + 1 - round->first) % node_period_ == 0) return Sync::kNode;
    const Fragments due = fragments_at(step);
    return due.begin < due.end ? Sync::kFragment : Sync::kNone;
  }
  // What is averaged behind this step: fragment f of F behind the first ceil((f + 1) H / F) steps of the round.
  Fragments fragments_at(Step step) const {
    const std::optional<Round> round = round_of(step);
    if (!round) return {};
    const auto done = [&](Step steps) {  // how many are, behind so many
      return static_cast<int>(steps * fragments_ / round->period());
    };
    return {done(step - round->first), done(step - round->first + 1)};
  }
  // Whether `step` begins a round before which all parameters were averaged, or none were ever apart.
  bool all_are_equal(Step step) const {
    const std::optional<Round> round = round_of(step);
    return round && round->first == step && ((fragments_ == 1 && delay_ == 0) || step == switch_step_);
  }
  // The step behind which the average that is begun behind `step` is mixed in, unless another one is begun before.
  Step mixed_behind(Step step) const { return step + 1 == last_round_end() ? step : step + delay_; }
  // The last step before `step` behind which parameters are averaged; nothing before the first.
  std::optional<Step> average_before(Step step) const {
    for (Step before = std::min(step, last_round_end()) - 1; before >= switch_step_; --before) {
      if (averages_parameters(at(before))) return before;
    }
    return std::nullopt;
  }
  // The round that `step` belongs to; nothing before the switch and behind the last round.
  std::optional<Round> round_of(Step step) const {
    const std::size_t index = stretch_at(step);
    if (step < switch_step_ || index == stretches_.size()) return std::nullopt;
    const Stretch& stretch = stretches_[index];
    const Step first = step - (step - stretch.first) % stretch.period;
    return Round{first, first + stretch.period};
  }
  // Rounds that have ended when `step` begins: parameter averages so far.
  std::int64_t rounds_before(Step step) const {
    const std::size_t index = stretch_at(step);
    if (step < switch_step_ || index == stretches_.size()) return step < switch_step_ ? 0 : rounds_;
    return rounds_before_[index] + (step - stretches_[index].first) / stretches_[index].period;
  }
  Step switch_step() const { return switch_step_; }
  int fragments() const { return fragments_; }       // F
  Step delay() const { return delay_; }              // D
  Step node_period() const { return node_period_; }  // H1; 0: there are no levels
  Step last_round_end() const { return stretches_.empty() ? switch_step_ : stretches_.back().last(); }
  std::int64_t rounds() const { return rounds_; }  // in all
  const std::vector<Stretch>& stretches() const { return stretches_; }

 private:
  // The first that ends behind `step`.
  std::size_t stretch_at(Step step) const {
    const auto found = std::upper_bound(stretches_.begin(), stretches_.end(), step,
                                        [](Step s, const Stretch& stretch) { return s < stretch.last(); });
    return static_cast<std::size_t>(found - stretches_.begin());
  }

  Step switch_step_;
  int fragments_;
  Step delay_, node_period_;
  std::vector<Stretch> stretches_;
  std::vector<std::int64_t> rounds_before_;  // each of them
  std::int64_t rounds_ = 0;
};

}  // namespace drift
