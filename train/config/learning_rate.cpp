#include "train/config/learning_rate.h"

#include "core/check.h"
#include "train/config/bounds.h"
#include "train/config/option_kinds.h"

namespace drift {

using namespace options;

namespace {

constexpr Range kGamma{.min = 0, .max = 1, .min_open = true};

}  // namespace

std::vector<Option> lr_options() {
  return section(
      "Learning rate",
      {number(row("lr", "X", "peak learning rate, before --linear-scaling"), above(0), DRIFT_FIELD(lr.lr)),
       choice(row("lr-schedule", "", "shape after the warm-up; --decay-epochs implies steps"),
              {{"constant", LrShape::kConstant}, {"steps", LrShape::kSteps}, {"cosine", LrShape::kCosine}},
              DRIFT_FIELD(lr.shape)),
       choice(row("linear-scaling", "", "multiply --lr by 1, by K, or by K B_loc / 256"),
              {{"none", LinearScaling::kNone},
               {"workers", LinearScaling::kWorkers},
               {"batch256", LinearScaling::kBatch256}},
              DRIFT_FIELD(lr.linear_scaling)),
       number(row("warmup-epochs", "E", "epochs of linear warm-up, per step"), at_least(0),
              DRIFT_FIELD(lr.warmup_epochs)),
       number(row("warmup-start", "X", "learning rate at step 0 of the warm-up"), at_least(0),
              DRIFT_FIELD(lr.warmup_start)),
       allowing("numbers above 0, separated by commas, like 250,375",
                number_list(row("decay-epochs", "E1[,E2...]", "epochs at which the rate is multiplied by gamma"),
                            above(0), 0, 1000, DRIFT_FIELD(lr.decay_epochs))),
       number(row("gamma", "X", "factor of each decay"), kGamma, DRIFT_FIELD(lr.gamma)),
       choice(row("decay-on", "", "decays begin at the last round end by their epoch, or at its first step"),
              {{"round", DecayOn::kRound}, {"epoch", DecayOn::kEpoch}}, DRIFT_FIELD(lr.decay_on)),
       number(row("min-lr", "X", "where cosine ends"), at_least(0), DRIFT_FIELD(lr.min_lr))});
}

void check(const LrConfig& config) {
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
  DRIFT_CHECK(kConfig, kGamma.contains(config.gamma), "--gamma must be {}, got {}", kGamma.text("a number"),
              config.gamma);
  double previous = 0;
  for (const double epoch : decays) {
    DRIFT_CHECK(kConfig, std::isfinite(epoch) && epoch > previous,
                "--decay-epochs must be above 0 and ascending, but {} follows {}", epoch, previous);
    previous = epoch;
  }
}

}  // namespace drift
