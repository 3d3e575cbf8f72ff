// drift train: from a command line to a trained network. What it does in order: resolve the config, open the data,
// build a Trainer, make the run directory, then run from one evaluation or checkpoint to the next until the end or
// until asked to stop.
#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <iostream>

#include "apps/command.h"
#include "apps/command_line.h"
#include "apps/signals.h"
#include "core/check.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/stopwatch.h"
#include "data/open_data.h"
#include "train/config/toml.h"
#include "train/environment.h"
#include "train/runs/metrics_tee.h"
#include "train/runs/progress.h"
#include "train/runs/run_directory.h"
#include "train/schedule/recurring_event.h"
#include "train/trainer.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

struct Request {
  ResolvedConfig resolved;
  std::optional<Checkpoint> checkpoint;  // to continue from
  std::string command;                   // as typed, for the record
};

// With --resume, what the checkpoint was written with takes the place of the defaults.
Request resolve_request(const std::vector<SettingLayer>& layers, std::string command) {
  Request request{.resolved = resolve_config(layers), .checkpoint = std::nullopt, .command = std::move(command)};
  const std::string resume = request.resolved.config.files.resume;
  if (resume.empty()) return request;
  request.checkpoint = read_checkpoint(resume);
  TrainConfig saved = config_from_toml(request.checkpoint->meta.config_toml, "config in " + resume);
  saved.files.out.clear();
  request.resolved = resolve_resumed_config(saved, "checkpoint " + resume, layers);
  return request;
}

std::unique_ptr<RunDirectory> open_run_directory(const Request& request, const Trainer& trainer) {
  const TrainConfig& config = request.resolved.config;
  const fs::path resumed = config.files.resume.empty() ? fs::path() : run_directory_of(config.files.resume);
  fs::path path = config.files.out;
  if (path.empty()) path = resumed.empty() ? default_run_directory(config) : resumed;
  const bool goes_on = !resumed.empty() && fs::weakly_canonical(path) == fs::weakly_canonical(resumed);
  const ThreadLayout& layout = trainer.layout();
  Json environment = describe_environment();
  environment["setup"] = {
      {"device", to_string(trainer.device())},   {"threads", layout.threads},
      {"workers_at_once", layout.lanes},         {"threads_per_worker", layout.threads_per_worker},
      {"steps", trainer.schedule().total_steps}, {"steps_per_epoch", trainer.schedule().steps_per_epoch}};
  const RunDescription description = {.config = config, .command = request.command, .environment = environment};
  return goes_on ? RunDirectory::reopen(path, description, request.checkpoint->meta.step)
                 : RunDirectory::create(path, description);
}

// How workers share the device.
std::string layout_text(const TrainConfig& config, const Trainer& trainer) {
  const ThreadLayout& layout = trainer.layout();
  if (trainer.device().type == DeviceType::kCuda) {
    return fmt::format("{}; {} workers, a stream each, steps {}",
                       config.machine.tf32 ? "TF32" : name_of(config.machine.precision), config.sync.workers,
                       config.machine.captures_steps() ? "captured" : "not captured");
  }
  return fmt::format("{}; threads: {} in all, {} of {} workers at once with {} each", name_of(config.machine.precision),
                     layout.threads, layout.lanes, config.sync.workers, layout.threads_per_worker);
}

std::string setup_text(const TrainConfig& config, const Trainer& trainer, const DataSource& data) {
  const Schedule& schedule = trainer.schedule();
  return fmt::format(
      "{} on {} ({} training images), {} steps, {} per epoch, global batch {} x {}\n"
      "device {}, {}",
      config.model.name, data.name, data.train->size(), schedule.total_steps, schedule.steps_per_epoch,
      config.sync.workers, config.sync.local_batch, describe_device(trainer.device()), layout_text(config, trainer));
}

class Session {
 public:
  Session(const TrainConfig& config, Trainer& trainer, RunDirectory& run, Progress* progress)
      : config_(config),
        trainer_(trainer),
        run_(run),
        progress_(progress),
        metrics_(progress == nullptr ? std::vector<MetricsSink*>{&run} : std::vector<MetricsSink*>{&run, progress}) {}

  // Returns true at the end of the run, false when asked to stop before; then everything done is in a checkpoint.
  bool run() {
    const Schedule& schedule = trainer_.schedule();
    const RecurringEvent evaluations(config_.evaluation.every, schedule.steps_per_epoch, schedule.total_steps);
    const RecurringEvent checkpoints(config_.checkpoints.every, schedule.steps_per_epoch, schedule.total_steps);
    for (;;) {
      const Step step = trainer_.step();
      // Also where a resumed run begins: the checkpoint it comes from may be one that a signal left.
      const bool save = checkpoints.at(step);
      if (evaluations.at(step)) metrics_.evaluation(trainer_.evaluate());
      if (save) write(evaluations.at(step) ? trainer_.evaluated_model() : trainer_.averaged_model());
      if (step == schedule.total_steps) return true;
      trainer_.run(std::min(evaluations.next(step), checkpoints.next(step)), metrics_, stop_requested());
      if (stop_requested()) {
        const bool written = save && trainer_.step() == step;
        if (!written) write(trainer_.averaged_model(quick_statistics()));
        return false;
      }
    }
  }

 private:
  // For a checkpoint written on a signal, when the time left may be seconds: its model.safetensors has the mean of the
  // workers' running statistics where the run would re-estimate them. The workers' states are those of any checkpoint.
  BatchNormPolicy quick_statistics() const {
    const BatchNormPolicy configured = config_.sync.scope.batch_norm;
    return configured == BatchNormPolicy::kReestimate ? BatchNormPolicy::kAverage : configured;
  }

  void write(const Model& model) {
    const fs::path path = write_checkpoint(run_.checkpoints(), trainer_.checkpoint(), model.parameters,
                                           trainer_.backend(), config_.checkpoints.keep);
    if (progress_ != nullptr) progress_->message("checkpoint " + path.string());
  }

  const TrainConfig& config_;
  Trainer& trainer_;
  RunDirectory& run_;
  Progress* progress_;  // nullptr with -q
  MetricsTee metrics_;
};

void print_result(const Json& summary, const RunDirectory& run) {
  const auto number = [&](const char* key) { return summary.at(key).get<double>(); };
  fmt::print("top1 {:.4f} ({}/{}) loss {:.4f}  {:.0f} img/s  sent {:.3f} GB  {} | {}\n", number("top1"),
             summary.at("correct").get<std::int64_t>(), summary.at("total").get<std::int64_t>(), number("loss"),
             number("img_s"), number("bytes") / 1e9, run.path().string(), summary.at("sync_scope").get<std::string>());
}

void print_op_times(const std::map<std::string, OpTime>& times) {
  double all = 0;
  for (const auto& [kind, time] : times) all += time.milliseconds;
  fmt::print("{:<30}{:>10}{:>14}{:>8}\n", "operation", "calls", "device ms", "%");
  for (const auto& [kind, time] : times) {
    fmt::print("{:<30}{:>10}{:>14.3f}{:>8.1f}\n", kind, time.calls, time.milliseconds,
               all > 0 ? 100 * time.milliseconds / all : 0);
  }
}

// What is left of a run that diverged: every checkpoint was found finite before it was written.
std::string last_checkpoint_text(const RunDirectory& run) {
  const std::optional<fs::path> last = newest_checkpoint(run.checkpoints());
  if (!last) return "There is no checkpoint of this run";
  return fmt::format(
      "The last checkpoint, {}, is sound: --resume goes on from it with the same rate, --weights {} starts "
      "a new run from it with another",
      last->string(), (*last / "model.safetensors").string());
}

// Copies of this program that know nothing of each other would train the same run, each as a whole. The variables are
// those of Open MPI, of PMI (MPICH, srun) and of torchrun.
void refuse_launchers() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "WORLD_SIZE"}) {
    const char* const text = std::getenv(name);
    DRIFT_CHECK(kConfig, text == nullptr || std::string_view(text) == "1",
                "a launcher has started {} processes ({}), and drift train runs all --workers in one: start it without "
                "the launcher",
                text, name);
  }
}

// Returns the exit code.
int train(const Request& request, bool quiet) {
  const TrainConfig& config = request.resolved.config;
  const DataSource data = open_data(config.data.spec, config.seed);
  Trainer trainer(config, data);
  if (request.checkpoint) {
    trainer.restore(*request.checkpoint);
  } else if (!config.files.weights.empty()) {
    trainer.load_weights(config.files.weights);
  }
  const std::unique_ptr<RunDirectory> run = open_run_directory(request, trainer);
  log_info("{}\nrun directory {}", setup_text(config, trainer, data), run->path().string());

  install_stop_signals();
  const std::string scope = describe_scope(config.sync, !trainer.model(0).parameters.buffers().empty());
  ProgressOptions options{.first_step = trainer.step(),
                          .total_steps = trainer.schedule().total_steps,
                          .global_batch = config.sync.global_batch()};
  adapt_to_stderr(options);
  const std::unique_ptr<Progress> progress =
      quiet ? nullptr : std::make_unique<Progress>(options, std::cerr, steady_clock());
  try {
    const bool finished = Session(config, trainer, *run, progress.get()).run();
    const Json summary = run->write_summary(
        {.status = finished ? "finished" : "stopped", .message = finished ? "" : "by a signal", .sync_scope = scope});
    if (config.machine.op_times) print_op_times(trainer.op_times());
    if (finished) {
      print_result(summary, *run);
      return 0;
    }
    log_warning("stopped after step {}; go on with: drift train --resume {}", trainer.step(), run->path().string());
    return kExitResumable;
  } catch (const Error& error) {
    const bool diverged = error.kind() == ErrorKind::kDiverged;
    run->write_summary({.status = diverged ? "diverged" : "failed", .message = error.message(), .sync_scope = scope});
    if (!diverged) throw;
    DRIFT_FAIL(kDiverged, "{}. {}", error.message(), last_checkpoint_text(*run));
  }
}

}  // namespace

int run_train(int argc, char** argv) {
  CommandLine command_line(
      Scope::kTrain, "drift train",
      "Trains a network with parallel SGD, Local SGD or Post-local SGD. A recipe's keys are these flags without "
      "leading dashes.",
      {"drift train --recipe recipes/quickstart.toml",
       "drift train --model resnet56 --data cifar10:DIR --algo post-local --workers 4 --local-batch 32 \\",
       "            --period 16 --switch-epoch 10 --decay-epochs 10 --epochs 15 --momentum 0.9 --wd 1e-4",
       "drift train --resume runs/20260131-120000-quickstart"});
  std::string recipe;
  bool print_config = false, quiet = false;
  command_line.add_value("--recipe", "FILE", &recipe, "settings from a TOML file; flags beat them");
  command_line.add_switch("--print-config", print_config, "print every value with its origin and stop");
  command_line.add_switch("-q,--quiet", quiet, "no progress, only warnings and the result");
  if (!command_line.parse(argc, argv)) return 0;

  std::vector<SettingLayer> layers;
  if (!recipe.empty()) layers.push_back(read_recipe(recipe));
  layers.push_back(command_line.settings());
  const std::vector<std::string> words(argv, argv + argc);
  const Request request = resolve_request(layers, fmt::format("drift {}", fmt::join(words, " ")));
  if (print_config) {
    make_model(request.resolved.config.model);  // says so if there is no such network
    fmt::print("{}", annotated_toml(request.resolved));
    return 0;
  }
  refuse_launchers();
  if (quiet) set_log_level(LogLevel::kWarning);
  log_info("{}", annotated_toml(request.resolved));
  return train(request, quiet);
}

}  // namespace drift
