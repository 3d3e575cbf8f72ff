#include "train/config/sync.h"

#include <algorithm>
#include <iterator>

#include "core/check.h"
#include "train/config/bounds.h"
#include "train/config/option_kinds.h"

namespace drift {

using namespace options;

namespace {

// "reestimate[:N]" into the number of batches, or one of `others`.
bool read_batch_norm(TrainConfig& config, std::string_view text,
                     std::initializer_list<std::pair<std::string_view, BatchNormPolicy>> others) {
  SyncScope scope = config.sync.scope;
  scope.bn_batches = SyncScope{}.bn_batches;
  constexpr std::string_view kName = "reestimate";
  if (text.starts_with(kName)) {
    scope.batch_norm = BatchNormPolicy::kReestimate;
    text.remove_prefix(kName.size());
    if (!text.empty()) {
      const auto batches =
          text.front() == ':' ? parse_value<std::int64_t>(text.substr(1), counted_from(1)) : std::nullopt;
      if (!batches) return false;
      scope.bn_batches = *batches;
    }
  } else {
    const auto* const other = std::ranges::find(others, text, &std::pair<std::string_view, BatchNormPolicy>::first);
    if (other == others.end()) return false;
    scope.batch_norm = other->second;
  }
  config.sync.scope = scope;
  return true;
}

std::string batch_norm_text(const TrainConfig& config) {
  switch (config.sync.scope.batch_norm) {
    case BatchNormPolicy::kReestimate:
      return fmt::format("reestimate:{}", config.sync.scope.bn_batches);
    case BatchNormPolicy::kAverage:
      return "average";
    case BatchNormPolicy::kLocal:
      return "local";
    case BatchNormPolicy::kStored:
      return "stored";
  }
  return "";
}

// One option for two fields: where batch-norm statistics come from, and the number of batches to re-estimate them with.
// Training has workers whose statistics it may average, `drift eval` a file that holds some.
std::vector<Option> bn_stats_options() {
  Option train =
      row("bn-stats", "reestimate[:N]|average|local", "batch-norm statistics: from N batches, averaged, or worker 0's");
  train.allowed = "reestimate, reestimate:N with N of at least 1, average or local";
  train.choices = {"reestimate", "average", "local"};
  train.get = batch_norm_text;
  train.copy = [](TrainConfig& to, const TrainConfig& from) {
    to.sync.scope.batch_norm = from.sync.scope.batch_norm;
    to.sync.scope.bn_batches = from.sync.scope.bn_batches;
  };
  Option eval = train;
  train.set = [](TrainConfig& config, std::string_view text) {
    return read_batch_norm(config, text, {{"average", BatchNormPolicy::kAverage}, {"local", BatchNormPolicy::kLocal}});
  };
  eval.scopes = static_cast<unsigned>(Scope::kEval);
  eval.initial = "stored";
  eval.placeholder = "stored|reestimate[:N]";
  eval.help = "batch-norm statistics: from the file, or from N (100) training batches";
  eval.allowed = "stored, reestimate or reestimate:N with N of at least 1";
  eval.choices = {"stored", "reestimate"};
  eval.set = [](TrainConfig& config, std::string_view text) {
    return read_batch_norm(config, text, {{"stored", BatchNormPolicy::kStored}});
  };
  return {train, eval};
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

void check_outer(const SyncConfig& config) {
  const OuterConfig& outer = config.outer;
  const bool none = outer.kind == Outer::kNone;
  DRIFT_CHECK(
      kConfig, none || config.algorithm != Algorithm::kSgd,
      "--outer makes something of the average of a round, and --algo sgd has no rounds; leave it out, or ask for "
      "local or post-local");
  DRIFT_CHECK(
      kConfig, !none || (outer.lr == OuterConfig{}.lr && outer.momentum == OuterConfig{}.momentum),
      "--outer-lr and --outer-momentum belong to an outer optimizer; leave them out or choose one with --outer");
  DRIFT_CHECK(kConfig, is_at_least(outer.lr, 0) && outer.lr > 0, "--outer-lr must be above 0, got {}", outer.lr);
  DRIFT_CHECK(kConfig, is_at_least(outer.momentum, 0) && outer.momentum < 1,
              "--outer-momentum must be at least 0 and below 1, got {}", outer.momentum);
  DRIFT_CHECK(kConfig, outer.kind != Outer::kNesterov || outer.momentum > 0,
              "--outer nesterov looks ahead along its momentum; give --outer-momentum, like 0.9");
}

std::string_view outer_text(Outer outer) {
  switch (outer) {
    case Outer::kNone:
      return "";
    case Outer::kSgd:
      return "SGD";
    case Outer::kNesterov:
      return "Nesterov";
    case Outer::kSlowMo:
      return "SlowMo";
  }
  return "";
}

}  // namespace

std::vector<Option> sync_options() {
  std::vector<Option> rows = {
      choice(row("algo", "", "average gradients every step, parameters every H, or one after the other"),
             {{"sgd", Algorithm::kSgd}, {"local", Algorithm::kLocal}, {"post-local", Algorithm::kPostLocal}},
             DRIFT_FIELD(sync.algorithm)),
      number(row("workers", "K", "replicas that train in parallel"), {.min = 1, .max = 65536},
             DRIFT_FIELD(sync.workers)),
      also_in({Scope::kEval},
              number(row("local-batch", "B_loc", "samples per worker and step; the global batch is K B_loc"),
                     counted_from(1), DRIFT_FIELD(sync.local_batch))),
      allowing(
          "one to three integers of at least 1, like 16 or 16,32",
          number_list(row("period", "H[,H2[,H3]]", "local steps per round; H2, H3 after the first and second decay"),
                      at_least(1), 1, 3, DRIFT_FIELD(sync.periods))),
      allowing("two integers of at least 1, like 4,8",
               number_list(row("periods-by-level", "H1,H2", "averages in a node every H1 steps, of all every H1 H2"),
                           at_least(1), 2, 2, DRIFT_FIELD(sync.periods_by_level))),
      number(row("node-workers", "N", "workers of a node, for --periods-by-level"), {.min = 1, .max = 65536},
             DRIFT_FIELD(sync.node_workers)),
      excluding("switch-step", number(row("switch-epoch", "E", "post-local: epoch at which local steps begin"),
                                      at_least(0), DRIFT_FIELD(sync.switch_epoch))),
      excluding("switch-epoch", number(row("switch-step", "T", "post-local: step at which local steps begin"),
                                       at_least(0), DRIFT_FIELD(sync.switch_step))),
      number(row("qsr-alpha", "A", "above 0: H = max(H, floor((A / lr)^P)) at each round's start (QSR)"), at_least(0),
             DRIFT_FIELD(sync.qsr_alpha)),
      number(row("qsr-power", "P", "the power P of QSR"), above(0), DRIFT_FIELD(sync.qsr_power)),
      number(row("fragments", "F", "parts of the parameters that are averaged one after the other in a round"),
             {.min = 1, .max = 1024}, DRIFT_FIELD(sync.fragments)),
      number(row("fragment-delay", "D", "local steps while an average travels; mixed in behind them, inexactly"),
             at_least(0), DRIFT_FIELD(sync.fragment_delay)),
      choice(row("wire", "", "as what averages of gradients, or of a round's way, travel and are summed"),
             {{"fp32", DType::kFloat32}, {"bf16", DType::kBFloat16}}, DRIFT_FIELD(sync.wire.type)),
      on_off(row("error-feedback", "", "with --wire bf16: what rounding left out is added to what travels next"),
             DRIFT_FIELD(sync.wire.error_feedback)),
      on_off(row("final-average", "", "the last step ends a round, even a short one"), DRIFT_FIELD(sync.final_average)),
      choice(row("sync-momentum", "", "momentum at each average of parameters: as it is, averaged, or 0"),
             {{"keep", MomentumSync::kKeep}, {"average", MomentumSync::kAverage}, {"reset", MomentumSync::kReset}},
             DRIFT_FIELD(sync.scope.momentum)),
      choice(row("outer", "", "what is made of a round's way: its average, or a step along it with momentum"),
             {{"none", Outer::kNone}, {"sgd", Outer::kSgd}, {"nesterov", Outer::kNesterov}, {"slowmo", Outer::kSlowMo}},
             DRIFT_FIELD(sync.outer.kind)),
      number(row("outer-lr", "A", "the outer optimizer's rate; 1 is the average itself"), above(0),
             DRIFT_FIELD(sync.outer.lr)),
      number(row("outer-momentum", "M", "the outer optimizer's momentum"), {.min = 0, .max = 1, .max_open = true},
             DRIFT_FIELD(sync.outer.momentum)),
      free_on_resume(
          on_off(row("telemetry", "", "measure each round: how far the workers are apart, how far they went"),
                 DRIFT_FIELD(sync.telemetry)))};
  std::ranges::move(bn_stats_options(), std::back_inserter(rows));
  return section("Algorithm", std::move(rows));
}

// Between two averages one travels, of parameters alone.
void check_delay(const SyncConfig& config) {
  if (config.fragment_delay == 0) return;
  DRIFT_CHECK(kConfig, config.algorithm != Algorithm::kSgd,
              "--fragment-delay is of averages of parameters, which --algo sgd has none of; leave it out, or ask for "
              "local or post-local");
  const Step shortest = *std::ranges::min_element(config.periods);
  DRIFT_CHECK(kConfig, config.fragment_delay >= 0 && config.fragment_delay * config.fragments < shortest,
              "--fragment-delay {} with {} fragments in a round of {} steps: an average must be there before the next "
              "one begins, less than {} steps later; give less, or a longer --period",
              config.fragment_delay, config.fragments, shortest, (shortest + config.fragments - 1) / config.fragments);
  DRIFT_CHECK(kConfig,
              config.outer.kind == Outer::kNone && config.scope.momentum == MomentumSync::kKeep &&
                  config.scope.batch_norm != BatchNormPolicy::kAverage,
              "--fragment-delay mixes in parameters alone, and no step is left at which all workers have the same: it "
              "goes with --outer none, --sync-momentum keep, and --bn-stats reestimate or local");
}

void check_levels(const SyncConfig& config) {
  if (!config.has_levels()) {
    DRIFT_CHECK(kConfig, config.node_workers == 1,
                "--node-workers is for averages within nodes: say how often with --periods-by-level H1,H2");
    return;
  }
  DRIFT_CHECK(kConfig, config.periods_by_level.size() == 2, "--periods-by-level takes two periods, got {}",
              config.periods_by_level.size());
  DRIFT_CHECK(kConfig, config.algorithm != Algorithm::kSgd,
              "--periods-by-level is of averages of parameters, which --algo sgd has none of; leave it out, or ask for "
              "local or post-local");
  DRIFT_CHECK(kConfig, config.periods == std::vector<Step>{1},
              "--periods-by-level says after how many steps all workers average: leave out --period");
  DRIFT_CHECK(
      kConfig,
      config.node_workers > 1 && config.node_workers < config.workers && config.workers % config.node_workers == 0,
      "--periods-by-level needs --node-workers N, which divides the {} workers and is less, got {}", config.workers,
      config.node_workers);
  DRIFT_CHECK(kConfig, config.fragments == 1 && config.fragment_delay == 0,
              "--periods-by-level averages all parameters at once: leave out --fragments and --fragment-delay");
}

void check_wire(const SyncConfig& config) {
  DRIFT_CHECK(kConfig, config.wire.type == DType::kFloat32 || config.fragment_delay == 0,
              "--wire {} sends the way since what all workers started from, and with --fragment-delay they never have "
              "the same: leave out one of them",
              name_of(config.wire.type));
}

std::vector<Step> SyncConfig::round_periods() const {
  if (!has_levels()) return periods;
  constexpr Step kMost = std::numeric_limits<Step>::max();
  const Step within = periods_by_level[0], across = periods_by_level[1];
  return {within > kMost / across ? kMost : within * across};
}

void check(const SyncConfig& config, std::size_t decays) {
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
  check_outer(config);
  check_delay(config);
  check_levels(config);
  check_wire(config);
  if (config.algorithm == Algorithm::kSgd) {
    DRIFT_CHECK(
        kConfig, periods == std::vector<Step>{1},
        "--period has no meaning with --algo sgd, which averages gradients at every step; leave it out, or ask for "
        "--algo local or post-local");
    DRIFT_CHECK(kConfig, config.qsr_alpha == 0,
                "--qsr-alpha chooses periods, which --algo sgd has none of; ask for --algo local or post-local");
    DRIFT_CHECK(kConfig, config.fragments == 1,
                "--fragments are parts of an average of parameters, which --algo sgd has none of; leave it out, or ask "
                "for local or post-local");
  }
  DRIFT_CHECK(kConfig, periods.size() <= decays + 1,
              "{} values of --period need {} --decay-epochs to go from one to the next, got {}", periods.size(),
              periods.size() - 1, decays);
}

std::string describe_scope(const SyncConfig& sync, bool has_batch_norm) {
  const SyncScope& scope = sync.scope;
  std::string text =
      sync.algorithm == Algorithm::kSgd ? "one model, gradients averaged at every step" : "averaged model";
  if (has_batch_norm) {
    switch (scope.batch_norm) {
      case BatchNormPolicy::kReestimate:
        text += fmt::format(", batch-norm statistics re-estimated on {} batches", scope.bn_batches);
        break;
      case BatchNormPolicy::kAverage:
        text += ", batch-norm statistics averaged";
        break;
      case BatchNormPolicy::kLocal:
        text += ", batch-norm statistics of worker 0";
        break;
      case BatchNormPolicy::kStored:
        text += ", batch-norm statistics as stored";
        break;
    }
  }
  if (sync.compresses()) {
    text += fmt::format(", sent as {} {} error feedback", name_of(sync.wire.type),
                        sync.wire.error_feedback ? "with" : "without");
  }
  if (sync.algorithm == Algorithm::kSgd) return text;
  if (sync.fragments > 1) text += fmt::format(", parameters averaged by {} fragments", sync.fragments);
  if (sync.has_levels()) {
    text += fmt::format(", parameters averaged within nodes of {} every {} steps", sync.node_workers,
                        sync.periods_by_level[0]);
  }
  if (sync.fragment_delay > 0) text += fmt::format(", mixed in {} steps late (inexact)", sync.fragment_delay);
  switch (scope.momentum) {
    case MomentumSync::kKeep:
      text += ", momentum kept local";
      break;
    case MomentumSync::kAverage:
      text += ", momentum averaged";
      break;
    case MomentumSync::kReset:
      text += ", momentum reset at each average";
      break;
  }
  const OuterConfig& outer = sync.outer;
  if (outer.kind == Outer::kNone) return text;
  return text +
         fmt::format(", outer {} with rate {} and momentum {}", outer_text(outer.kind), outer.lr, outer.momentum);
}

}  // namespace drift
