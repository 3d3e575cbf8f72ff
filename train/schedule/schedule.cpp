// make_schedule: which steps end a round and where the learning rate decays, found by walking the run forward once.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "core/check.h"
#include "train/schedule/lr_schedule.h"

namespace drift {
namespace {

// More steps than any run has; sums of a few of them are still representable.
constexpr Step kNever = Step{1} << 53;

// floor(x), where a value that is below an integer by rounding alone counts as that integer: 2.3 epochs of 10 steps are
// 23 steps, and (0.3 / 0.1)^2 is 9, though neither is in binary.
Step floor_to_step(double x) {
  const double steps = std::floor(x * (1 + 1e-12));
  return steps < static_cast<double>(kNever) ? static_cast<Step>(steps) : kNever;
}

Step steps_of(double epochs, std::int64_t steps_per_epoch) {
  return floor_to_step(epochs * static_cast<double>(steps_per_epoch));
}

bool is_at_least(double value, double least) {
  return std::isfinite(value) && value >= least;
}

void check_lr(const LrConfig& config) {
  DRIFT_CHECK(kConfig, is_at_least(config.lr, 0), "--lr must be a number from 0 up, got {}", config.lr);
  DRIFT_CHECK(kConfig, is_at_least(config.warmup_epochs, 0), "--warmup-epochs must be a number from 0 up, got {}",
              config.warmup_epochs);
  DRIFT_CHECK(kConfig, is_at_least(config.warmup_start, 0), "--warmup-start must be a number from 0 up, got {}",
              config.warmup_start);
  const std::vector<double>& decays = config.decay_epochs;
  if (config.shape != LrShape::kSteps) {
    DRIFT_CHECK(kConfig, decays.empty(), "--decay-epochs belong to --lr-schedule steps; leave them out or ask for it");
    return;
  }
  DRIFT_CHECK(kConfig, !decays.empty(), "--lr-schedule steps needs --decay-epochs; without decays ask for constant");
  DRIFT_CHECK(kConfig, is_at_least(config.gamma, 0) && config.gamma > 0 && config.gamma <= 1,
              "--gamma must be above 0 and at most 1, got {}", config.gamma);
  double previous = 0;
  for (const double epoch : decays) {
    DRIFT_CHECK(kConfig, std::isfinite(epoch) && epoch > previous,
                "--decay-epochs must be above 0 and ascending, but {} follows {}", epoch, previous);
    previous = epoch;
  }
}

void check_switch(const SyncConfig& config) {
  const bool post_local = config.algorithm == Algorithm::kPostLocal;
  const int given = (config.switch_epoch ? 1 : 0) + (config.switch_step ? 1 : 0);
  DRIFT_CHECK(kConfig, post_local || given == 0,
              "--switch-epoch and --switch-step belong to --algo post-local; leave them out or ask for it");
  DRIFT_CHECK(kConfig, !post_local || given == 1,
              "--algo post-local needs one of --switch-epoch and --switch-step, where local steps begin; {} given",
              given);
  DRIFT_CHECK(kConfig, !config.switch_epoch || is_at_least(*config.switch_epoch, 0),
              "--switch-epoch must be a number from 0 up, got {}", *config.switch_epoch);
  DRIFT_CHECK(kConfig, !config.switch_step || *config.switch_step >= 0, "--switch-step must be at least 0, got {}",
              *config.switch_step);
}

void check_sync(const SyncConfig& config, std::size_t decays) {
  DRIFT_CHECK(kConfig, config.workers >= 1, "--workers must be at least 1, got {}", config.workers);
  DRIFT_CHECK(kConfig, config.local_batch >= 1, "--local-batch must be at least 1, got {}", config.local_batch);
  const std::vector<Step>& periods = config.periods;
  DRIFT_CHECK(kConfig, !periods.empty() && periods.size() <= 3, "--period takes one to three values of H, got {}",
              periods.size());
  for (const Step period : periods) DRIFT_CHECK(kConfig, period >= 1, "--period must be at least 1, got {}", period);
  DRIFT_CHECK(kConfig, is_at_least(config.qsr_alpha, 0), "--qsr-alpha must be a number from 0 up, got {}",
              config.qsr_alpha);
  DRIFT_CHECK(kConfig, is_at_least(config.qsr_power, 0) && config.qsr_power > 0, "--qsr-power must be above 0, got {}",
              config.qsr_power);
  check_switch(config);
  if (config.algorithm == Algorithm::kSgd) {
    DRIFT_CHECK(
        kConfig, periods == std::vector<Step>{1},
        "--period has no meaning with --algo sgd, which averages gradients at every step; leave it out, or ask for "
        "--algo local or post-local");
    DRIFT_CHECK(kConfig, config.qsr_alpha == 0,
                "--qsr-alpha chooses periods, which --algo sgd has none of; ask for --algo local or post-local");
  }
  DRIFT_CHECK(kConfig, periods.size() <= decays + 1,
              "{} values of --period need {} --decay-epochs to go from one to the next, got {}", periods.size(),
              periods.size() - 1, decays);
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
  DRIFT_CHECK(kConfig, config.steps || is_at_least(config.epochs, 0), "--epochs must be a number from 0 up, got {}",
              config.epochs);
  const Step total = config.steps ? *config.steps : steps_of(config.epochs, steps_per_epoch);
  DRIFT_CHECK(kConfig, total >= 1 && total < kNever,
              "the run has {} steps ({} steps per epoch): give --epochs or --steps for at least one", total,
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

// The run so far: rounds up to step_, decays up to there (with DecayOn::kEpoch, all of them).
class Walk {
 public:
  Walk(const TrainConfig& config, std::int64_t steps_per_epoch)
      : config_(config),
        total_steps_(total_steps_of(config, steps_per_epoch)),
        warmup_steps_(steps_of(config.lr.warmup_epochs, steps_per_epoch)),
        switch_step_(switch_step_of(config.sync, steps_per_epoch, total_steps_)),
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

  Schedule run(std::int64_t steps_per_epoch) && {
    begin_local_part();
    std::vector<Round> rounds;
    for (Step first = switch_step_; first < total_steps_;) {
      const Step period = period_at(first);
      if (first + period > deadline_) {
        land_decay(first, period);
        continue;
      }
      const Step last = first + period;
      if (last > total_steps_ && !config_.sync.final_average) break;
      rounds.push_back({first, std::min(last, total_steps_)});
      first = rounds.back().last;
    }
    return {total_steps_, steps_per_epoch, SyncPlan(switch_step_, std::move(rounds)), std::move(lr_)};
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

  // H of a round that starts at `step`.
  Step period_at(Step step) const {
    const std::vector<Step>& decays = lr_.decay_steps();
    const std::vector<Step>& periods = config_.sync.periods;
    const auto done = std::upper_bound(decays.begin(), decays.end(), step) - decays.begin();
    const Step base = std::min(periods[std::min(static_cast<std::size_t>(done), periods.size() - 1)], kNever);
    if (config_.sync.qsr_alpha == 0 || step < warmup_steps_) return base;
    return std::max(base, floor_to_step(std::pow(config_.sync.qsr_alpha / lr_.at(step), config_.sync.qsr_power)));
  }

  static constexpr Step kUnlimited = std::numeric_limits<Step>::max();

  const TrainConfig& config_;
  Step total_steps_, warmup_steps_, switch_step_;
  LrSchedule lr_;
  std::vector<Step> planned_;   // where decays are due if no round is in the way
  std::size_t landed_ = 0;      // how many of them have a step; those behind the end of the run count too
  Step deadline_ = kUnlimited;  // the next decay lands where the last round before here ends
  Step changed_at_ = 0;         // the switch, or where the latest decay landed
};

}  // namespace

Schedule make_schedule(const TrainConfig& config, std::int64_t steps_per_epoch) {
  check_lr(config.lr);
  check_sync(config.sync, config.lr.decay_epochs.size());
  return Walk(config, steps_per_epoch).run(steps_per_epoch);
}

}  // namespace drift
