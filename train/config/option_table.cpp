// The table of options: what a user can set, one row each. Checks here are of single values; what must fit together (a
// switch for post-local, decays in order) is checked where the schedule is made.
#include "train/config/option_builders.h"

namespace drift::options {
namespace {

bool not_empty(std::string_view text) {
  return !text.empty();
}

bool names_device(std::string_view text) {
  if (text == "auto" || text == "cpu") return true;
  const std::optional<std::int64_t> index = text.starts_with("cuda:") ? parse_integer(text.substr(5)) : std::nullopt;
  return index && *index >= 0;
}

// One option for two fields: what happens to batch-norm statistics, and the number of batches to re-estimate them with.
Option bn_stats_option() {
  Option option =
      row("bn-stats", "reestimate[:N]|average|local", "batch-norm statistics: from N batches, averaged, or worker 0's");
  option.allowed = "reestimate, reestimate:N with N of at least 1, average or local";
  option.choices = {"reestimate", "average", "local"};
  option.get = [](const TrainConfig& config) -> std::string {
    switch (config.sync.scope.bn_stats) {
      case BatchNormStats::kReestimate:
        return fmt::format("reestimate:{}", config.sync.scope.bn_batches);
      case BatchNormStats::kAverage:
        return "average";
      case BatchNormStats::kLocal:
        return "local";
    }
    return "";
  };
  option.set = [](TrainConfig& config, std::string_view text) {
    SyncScope scope = config.sync.scope;
    scope.bn_batches = SyncScope{}.bn_batches;
    if (text == "average") {
      scope.bn_stats = BatchNormStats::kAverage;
    } else if (text == "local") {
      scope.bn_stats = BatchNormStats::kLocal;
    } else {
      constexpr std::string_view kName = "reestimate";
      if (!text.starts_with(kName)) return false;
      scope.bn_stats = BatchNormStats::kReestimate;
      text.remove_prefix(kName.size());
      if (!text.empty()) {
        const auto batches =
            text.front() == ':' ? parse_value<std::int64_t>(text.substr(1), at_least(1)) : std::nullopt;
        if (!batches) return false;
        scope.bn_batches = *batches;
      }
    }
    config.sync.scope = scope;
    return true;
  };
  option.copy = [](TrainConfig& to, const TrainConfig& from) {
    to.sync.scope.bn_stats = from.sync.scope.bn_stats;
    to.sync.scope.bn_batches = from.sync.scope.bn_batches;
  };
  return option;
}

Option list(Option option, std::string allowed) {
  option.allowed = std::move(allowed);
  return option;
}

}  // namespace

void add_data_options(std::vector<Option>& table) {
  add_section(table, "Model",
              {text(row("model", "NAME", "network; `drift describe` lists them"), DRIFT_FIELD(model.name), not_empty),
               choice(row("norm", "", "normalisation of CIFAR ResNets: batch (with ReLU) or group (with SiLU)"),
                      {{"batch", "batch"}, {"group", "group"}}, DRIFT_FIELD(model.norm)),
               number(row("groups", "N", "groups of --norm group"), at_least(1), DRIFT_FIELD(model.groups)),
               number(row("classes", "N", "outputs; cifar100 implies 100"), at_least(2), DRIFT_FIELD(model.classes)),
               text(row("weights", "FILE", "start from these parameters (safetensors, PyTorch's names)"),
                    DRIFT_FIELD(weights))});
  add_section(table, "Data",
              {text(row("data", "SPEC", "cifar10:DIR, cifar100:DIR, or built in: shapes[:TRAIN_SIZE[:TEST_SIZE]]"),
                    DRIFT_FIELD(data), not_empty),
               choice(row("augment", "", "augmentation of training images"),
                      {{"none", Augmentation::kNone}, {"pad-crop-flip", Augmentation::kPadCropFlip}},
                      DRIFT_FIELD(augmentation)),
               choice(row("sampling", "", "how an epoch draws its samples"),
                      {{"without-replacement", Sampling::kWithoutReplacement},
                       {"with-replacement", Sampling::kWithReplacement},
                       {"sequential", Sampling::kSequential}},
                      DRIFT_FIELD(sampling)),
               number(row("label-noise", "P", "each step, replace each label by another class with this probability"),
                      {.min = 0, .max = 1}, DRIFT_FIELD(label_noise))});
}

void add_algorithm_options(std::vector<Option>& table) {
  add_section(
      table, "Algorithm",
      {choice(row("algo", "", "average gradients every step, parameters every H, or one after the other"),
              {{"sgd", Algorithm::kSgd}, {"local", Algorithm::kLocal}, {"post-local", Algorithm::kPostLocal}},
              DRIFT_FIELD(sync.algorithm)),
       number(row("workers", "K", "replicas that train in parallel"), {.min = 1, .max = 65536},
              DRIFT_FIELD(sync.workers)),
       number(row("local-batch", "B_loc", "samples per worker and step; the global batch is K B_loc"), at_least(1),
              DRIFT_FIELD(sync.local_batch)),
       list(number_list(row("period", "H[,H2[,H3]]", "local steps per round; H2, H3 after the first and second decay"),
                        at_least(1), 1, 3, DRIFT_FIELD(sync.periods)),
            "one to three integers of at least 1, like 16 or 16,32"),
       excluding("switch-step", number(row("switch-epoch", "E", "post-local: epoch at which local steps begin"),
                                       at_least(0), DRIFT_FIELD(sync.switch_epoch))),
       excluding("switch-epoch", number(row("switch-step", "T", "post-local: step at which local steps begin"),
                                        at_least(0), DRIFT_FIELD(sync.switch_step))),
       number(row("qsr-alpha", "A", "above 0: H = max(H, floor((A / lr)^P)) at each round's start (QSR)"), at_least(0),
              DRIFT_FIELD(sync.qsr_alpha)),
       number(row("qsr-power", "P", "the power P of QSR"), above(0), DRIFT_FIELD(sync.qsr_power)),
       on_off(row("final-average", "", "the last step ends a round, even a short one"),
              DRIFT_FIELD(sync.final_average)),
       choice(row("sync-momentum", "", "momentum at each average of parameters: as it is, averaged, or 0"),
              {{"keep", MomentumSync::kKeep}, {"average", MomentumSync::kAverage}, {"reset", MomentumSync::kReset}},
              DRIFT_FIELD(sync.scope.momentum)),
       bn_stats_option()});
}

void add_rate_options(std::vector<Option>& table) {
  add_section(table, "Learning rate",
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
               list(number_list(row("decay-epochs", "E1[,E2...]", "epochs at which the rate is multiplied by gamma"),
                                above(0), 0, 1000, DRIFT_FIELD(lr.decay_epochs)),
                    "numbers above 0, separated by commas, like 250,375"),
               number(row("gamma", "X", "factor of each decay"), above(0), DRIFT_FIELD(lr.gamma)),
               choice(row("decay-on", "", "decays begin at the last round end by their epoch, or at its first step"),
                      {{"round", DecayOn::kRound}, {"epoch", DecayOn::kEpoch}}, DRIFT_FIELD(lr.decay_on)),
               number(row("min-lr", "X", "where cosine ends"), at_least(0), DRIFT_FIELD(lr.min_lr))});
  add_section(table, "Optimizer (SGD)",
              {number(row("momentum", "X", "v <- momentum v + g"), {.min = 0, .max = 1, .max_open = true},
                      DRIFT_FIELD(optimizer.momentum)),
               on_off(row("nesterov", "", "Nesterov's form of momentum"), DRIFT_FIELD(optimizer.nesterov)),
               with_alias("wd", number(row("weight-decay", "X", "coupled: g + X w"), at_least(0),
                                       DRIFT_FIELD(optimizer.weight_decay))),
               on_off(row("decay-norm-and-bias", "", "weight decay on norm parameters and biases too"),
                      DRIFT_FIELD(optimizer.decay_norm_and_bias))});
}

void add_run_options(std::vector<Option>& table) {
  add_section(table, "Length",
              {excluding("steps", number(row("epochs", "E", "length of the run"), above(0), DRIFT_FIELD(epochs))),
               excluding("epochs", number(row("steps", "N", "length of the run in steps, instead of --epochs"),
                                          at_least(1), DRIFT_FIELD(steps))),
               number(row("steps-per-epoch", "N", "0: as many as the data set fills"), at_least(0),
                      DRIFT_FIELD(steps_per_epoch)),
               number(row("seed", "N", "of initialisation, sampling, augmentation, label noise and built-in data"),
                      at_least(0), DRIFT_FIELD(seed))});
  add_section(table, "Evaluation and checkpoints",
              {free_on_resume(number(row("eval-every", "E", "epochs between evaluations; 0: only at the end"),
                                     at_least(0), DRIFT_FIELD(eval_every))),
               free_on_resume(number(row("eval-batch", "N", "images at a time in evaluations"), at_least(1),
                                     DRIFT_FIELD(eval_batch))),
               free_on_resume(number(
                   row("checkpoint-every", "E", "epochs between checkpoints; 0: only at the end and on a signal"),
                   at_least(0), DRIFT_FIELD(checkpoint_every))),
               free_on_resume(number(row("keep-checkpoints", "N", "newest checkpoints to keep; 0: all"), at_least(0),
                                     DRIFT_FIELD(keep_checkpoints)))});
  add_section(
      table, "Machine",
      {choice(row("precision", "", "of activations and convolution operands; parameters are float32 in both"),
              {{"fp32", DType::kFloat32}, {"bf16", DType::kBFloat16}}, DRIFT_FIELD(precision)),
       list(text(row("device", "DEVICE", "auto | cpu | cuda:N"), DRIFT_FIELD(device), names_device),
            "auto, cpu or cuda:N"),
       on_off(row("tf32", "", "GPU: fp32 convolutions and matmuls may round to TF32"), DRIFT_FIELD(tf32)),
       free_on_resume(on_off(row("graphs", "", "GPU: capture a step once and replay it"), DRIFT_FIELD(graphs))),
       free_on_resume(text(row("plan-file", "FILE", "GPU: cuDNN plans, read if it exists; new ones are added"),
                           DRIFT_FIELD(plan_file))),
       free_on_resume(
           on_off(row("explain-plans", "", "GPU: print each cuDNN plan that is built"), DRIFT_FIELD(explain_plans))),
       free_on_resume(on_off(row("op-times", "", "GPU: time by kind of operation, at the end; steps are not captured"),
                             DRIFT_FIELD(op_times))),
       free_on_resume(number(row("threads", "N", "CPU threads in all; 0: one per core"), {.min = 0, .max = 65536},
                             DRIFT_FIELD(threads))),
       free_on_resume(number(row("worker-threads", "N", "CPU threads of each worker; 0: its share of --threads"),
                             {.min = 0, .max = 65536}, DRIFT_FIELD(worker_threads))),
       free_on_resume(number(row("loader-threads", "N", "threads per worker that prepare batches ahead"),
                             {.min = 0, .max = 65536}, DRIFT_FIELD(loader_threads)))});
  add_section(
      table, "Files",
      {free_on_resume(text(row("out", "DIR", "the run directory; must be new or empty [runs/<date>-<time>-<name>]"),
                           DRIFT_FIELD(out))),
       free_on_resume(text(row("name", "NAME", "end of that default [<model>-<algorithm>]"), DRIFT_FIELD(name))),
       free_on_resume(text(row("resume", "DIR", "continue this run, or one of its checkpoints, bit for bit"),
                           DRIFT_FIELD(resume)))});
}

}  // namespace drift::options
