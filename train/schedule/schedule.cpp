#include "train/schedule/schedule.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>

#include "core/check.h"
#include "train/config/bounds.h"

namespace drift {
namespace {

using options::is_at_least;

// More steps than any round has; sums of a few of them are still representable.
constexpr Step kNever = Step{1} << 53;
// Of a run; at a hundred thousand a second they take four months. H can change so often only that a plan stays small.
constexpr Step kMostSteps = Step{1} << 40;

// floor(x), where a value that is below an integer by rounding alone counts as that integer: 2.3 epochs of 10 steps are
// 23 steps, and (0.3 / 0.1)^2 is 9, though neither is in binary.
Step floor_to_step(double x) {
  const double steps = std::floor(x * (1 + 1e-12));
  return steps < static_cast<double>(kNever) ? static_cast<Step>(steps) : kNever;
}

Step steps_of(double epochs, std::int64_t steps_per_epoch) {
  return floor_to_step(epochs * static_cast<double>(steps_per_epoch));
}

double peak_lr(const TrainConfig& config) {
  const double workers = config.sync.workers;
  switch (config.lr.linear_scaling) {
    case LinearScaling::kNone:
      break;
    case LinearScaling::kWorkers:
      return config.lr.lr * workers;
    case LinearScaling::kBatch256:
      return config.lr.lr * (workers * static_cast<double>(config.sync.local_batch) / 256);
  }
  return config.lr.lr;
}

Step total_steps_of(const TrainConfig& config, std::int64_t steps_per_epoch) {
  DRIFT_CHECK(kConfig, steps_per_epoch >= 1, "an epoch must have at least one step, got {}", steps_per_epoch);
  DRIFT_CHECK(kConfig, config.length.steps || is_at_least(config.length.epochs, 0),
              "--epochs must be a number from 0 up, got {}", config.length.epochs);
  const Step total = config.length.steps ? *config.length.steps : steps_of(config.length.epochs, steps_per_epoch);
  DRIFT_CHECK(kConfig, total >= 1, "the run has 0 steps ({} per epoch): give --epochs or --steps for at least one",
              steps_per_epoch);
  DRIFT_CHECK(kConfig, total <= kMostSteps,
              "the run would have more than {} steps ({} per epoch): give fewer --epochs or --steps", kMostSteps,
              steps_per_epoch);
  return total;
}

Step switch_step_of(const SyncConfig& config, std::int64_t steps_per_epoch, Step total_steps) {
  switch (config.algorithm) {
    case Algorithm::kSgd:
      return total_steps;
    case Algorithm::kLocal:
      return 0;
    case Algorithm::kPostLocal:
      break;
  }
  const Step step = config.switch_step ? *config.switch_step : steps_of(*config.switch_epoch, steps_per_epoch);
  return std::min(step, total_steps);
}

// Walks the run forward, round by round; what it knows so far is which decays have a step.
//
//   A decay planned for epoch e is due at step floor(e steps_per_epoch). While gradients are averaged it lands there,
//   and always with DecayOn::kEpoch. With DecayOn::kRound it lands at the end of the last round that ends by then, and
//   the next decay is as many steps after it as planned between the two: in the paper's CIFAR code the first one comes
//   after r1 = floor(e1 spe / H1) rounds, the second floor((e2 - e1) spe / H2) rounds later.
//
//   H is chosen at a round's start: after i decays the i-th of the periods (the last one for all later ones),
//   or QSR's max(H, floor((alpha / lr)^power)) (Gu et al. 2024), which leaves H as given during the warm-up.
class ScheduleBuilder {
 public:
  ScheduleBuilder(const TrainConfig& config, std::int64_t steps_per_epoch)
      : config_(config),
        total_steps_(total_steps_of(config, steps_per_epoch)),
        warmup_steps_(steps_of(config.lr.warmup_epochs, steps_per_epoch)),
        switch_step_(switch_step_of(config.sync, steps_per_epoch, total_steps_)),
        periods_(config.sync.round_periods()),
        lr_(lr_with_decays({})) {
    DRIFT_CHECK(kConfig, warmup_steps_ <= total_steps_,
                "--warmup-epochs {} are {} steps, but the run has only {}: shorten the warm-up or train longer",
                config.lr.warmup_epochs, warmup_steps_, total_steps_);
    DRIFT_CHECK(kConfig,
                config.lr.shape != LrShape::kCosine ||
                    (is_at_least(config.lr.min_lr, 0) && config.lr.min_lr <= peak_lr(config)),
                "--min-lr must be from 0 to the peak learning rate {}, got {}", peak_lr(config), config.lr.min_lr);
    for (const double epoch : config.lr.decay_epochs) planned_.push_back(steps_of(epoch, steps_per_epoch));
  }

  Schedule build(std::int64_t steps_per_epoch) && {
    begin_local_part();
    std::vector<Stretch> stretches;
    for (Step first = switch_step_; first < total_steps_;) {
      const Step period = period_at(first);
      if (first + period > deadline_) {
        land_decay(first, period);
        continue;
      }
      if (first + period > total_steps_) {
        if (config_.sync.final_average) stretches.push_back({first, total_steps_ - first, 1});
        break;
      }
      stretches.push_back({first, period, rounds_alike(first, period)});
      first = stretches.back().last();
    }
    return {total_steps_, steps_per_epoch,
            SyncPlan(switch_step_, std::move(stretches), config_.sync.fragments, config_.sync.fragment_delay,
                     config_.sync.has_levels() ? config_.sync.periods_by_level[0] : 0),
            std::move(lr_)};
  }

 private:
  LrSchedule lr_with_decays(std::vector<Step> decays) const {
    return LrSchedule(config_.lr, peak_lr(config_), warmup_steps_, total_steps_, std::move(decays));
  }

  void add_decay(Step step) {
    DRIFT_CHECK(kConfig, step >= warmup_steps_,
                "the decay of epoch {} would land at step {}, inside the warm-up of {} steps: decay later, shorten "
                "--warmup-epochs or --period",
                config_.lr.decay_epochs[landed_], step, warmup_steps_);
    ++landed_;
    if (step >= total_steps_) return;
    std::vector<Step> decays = lr_.decay_steps();
    decays.push_back(step);
    lr_ = lr_with_decays(std::move(decays));
  }

  // Decays whose step is known before any round is.
  void begin_local_part() {
    const bool on_epoch = config_.lr.decay_on == DecayOn::kEpoch;
    while (landed_ < planned_.size() && (on_epoch || planned_[landed_] <= switch_step_)) add_decay(planned_[landed_]);
    deadline_ = landed_ < planned_.size() ? planned_[landed_] : kUnlimited;
    changed_at_ = switch_step_;
  }

  // The next round, [step, step + period), would pass the deadline of the next decay.
  void land_decay(Step step, Step period) {
    DRIFT_CHECK(
        kConfig, step > changed_at_,
        "no round of {} steps fits between step {} and the decay of epoch {} (step {}): take a smaller --period, "
        "or --decay-on epoch to let the decay fall inside a round",
        period, step, config_.lr.decay_epochs[landed_], deadline_);
    add_decay(step);
    deadline_ = landed_ < planned_.size() ? step + planned_[landed_] - planned_[landed_ - 1] : kUnlimited;
    changed_at_ = step;
  }

  // How many rounds from `first` on have H = period, the next decay aside. Between two decays the rate does not rise
  // once the warm-up is over, so H does not fall: the last of them is found by doubling and halving.
  std::int64_t rounds_alike(Step first, Step period) const {
    const std::vector<Step>& decays = lr_.decay_steps();
    const auto next = std::upper_bound(decays.begin(), decays.end(), first);
    const std::int64_t room = (std::min(deadline_, total_steps_) - first) / period;  // that end by then
    const std::int64_t started = next == decays.end() ? room : (*next - first + period - 1) / period;
    const auto is_alike = [&](std::int64_t round) { return period_at(first + round * period) == period; };
    std::int64_t alike = 1, limit = std::min(room, started);
    std::int64_t step = 1;
    for (; alike + step <= limit && is_alike(alike + step - 1); step *= 2) alike += step;
    for (; step > 0; step /= 2) {
      if (alike + step <= limit && is_alike(alike + step - 1)) alike += step;
    }
    return alike;
  }

  // H of a round that starts at `step`.
  Step period_at(Step step) const {
    const std::vector<Step>& decays = lr_.decay_steps();
    const auto done = std::upper_bound(decays.begin(), decays.end(), step) - decays.begin();
    const Step base = std::min(periods_[std::min(static_cast<std::size_t>(done), periods_.size() - 1)], kNever);
    if (config_.sync.qsr_alpha == 0 || step < warmup_steps_) return base;
    return std::max(base, floor_to_step(std::pow(config_.sync.qsr_alpha / lr_.at(step), config_.sync.qsr_power)));
  }

  static constexpr Step kUnlimited = std::numeric_limits<Step>::max();

  const TrainConfig& config_;
  Step total_steps_, warmup_steps_, switch_step_;
  std::vector<Step> periods_;  // H, by how many decays there were
  LrSchedule lr_;
  std::vector<Step> planned_;   // where decays are due if no round is in the way
  std::size_t landed_ = 0;      // how many of them have a step; those behind the end of the run count too
  Step deadline_ = kUnlimited;  // the next decay lands where the last round before here ends
  Step changed_at_ = 0;         // the switch, or where the latest decay landed
};

}  // namespace

Step Schedule::period_at(Step step) const {
  if (step < plan.switch_step()) return 1;
  if (const std::optional<Round> round = plan.round_of(step)) return round->period();
  return total_steps - plan.last_round_end();
}

double Schedule::rate_change(Step step) const {
  const std::optional<Round> round = plan.round_of(step);
  if (!round || round->first == plan.switch_step()) return 1;
  const double before = lr.at(plan.round_of(round->first - 1)->first);
  return before == 0 ? 0 : lr.at(round->first) / before;
}

Schedule make_schedule(const TrainConfig& config, std::int64_t steps_per_epoch) {
  check(config.lr);
  check(config.sync, config.lr.decay_epochs.size());
  return ScheduleBuilder(config, steps_per_epoch).build(steps_per_epoch);
}

}  // namespace drift
