// drift train: from a command line to a trained network. What it does in order: resolve the config, find the other
// processes, if there are any, open the data, build a Trainer, make the run directory, then run from one evaluation or
// checkpoint to the next until the end or until asked to stop. All processes do the same; the first one prints, and
// owns the run directory.
#include <algorithm>
#include <exception>
#include <fmt/format.h>
#include <iostream>
#include <optional>
#include <source_location>
#include <string>
#include <utility>

#include "analysis/predict/against.h"
#include "apps/command.h"
#include "apps/command_line.h"
#include "apps/convolutions.h"
#include "apps/output.h"
#include "apps/print_plan.h"
#include "apps/profiling.h"
#include "apps/resume.h"
#include "apps/session.h"
#include "apps/setup_stop.h"
#include "apps/signals.h"
#include "apps/team.h"
#include "apps/time_limit.h"
#include "apps/transport.h"
#include "comm/launch.h"
#include "core/check.h"
#include "core/clock.h"
#include "core/file_errors.h"
#include "core/log.h"
#include "core/stopwatch.h"
#include "core/text.h"
#include "data/fingerprint.h"
#include "kernels/device_watch.h"
#include "train/checkpoint/meta.h"
#include "train/config/toml.h"
#include "train/environment.h"
#include "train/runs/averaging_watch.h"
#include "train/runs/progress.h"
#include "train/runs/run_directory.h"
#include "train/runs/run_reader.h"
#include "train/runs/tensorboard.h"
#include "train/trainer.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

// How averages become those of all processes.
std::string reduce_text(const TrainConfig& config, const Job& job) {
  return job.processes == 1 || config.processes.reduce == Reduce::kTree ? "tree" : job.transport->sum_name();
}

std::unique_ptr<RunDirectory> open_run_directory(const Request& request, const Job& job, const Trainer& trainer) {
  const TrainConfig& config = request.resolved.config;
  const fs::path resumed = request.checkpoint ? run_directory_of(request.checkpoint->directory) : fs::path();
  const fs::path path = config.files.out.empty() && !request.is_branch() ? resumed : fs::path(config.files.out);
  const bool goes_on = !resumed.empty() && !path.empty() && is_same_place(ErrorKind::kUsage, path, resumed);
  DRIFT_CHECK(kUsage, !goes_on || !request.is_branch(),
              "--out {} is the run that the branch leaves: give another directory, or none", path.string());
  const ThreadLayout& layout = trainer.layout();
  Json environment = describe_environment();
  environment["setup"] = {{"processes", job.processes},
                          {"hosts", job.hosts},
                          {"reduce", reduce_text(config, job)},
                          {"device", to_string(trainer.device())},
                          {"threads", layout.threads},
                          {"workers_at_once", layout.lanes},
                          {"threads_per_worker", layout.threads_per_worker},
                          {"convolutions", convolutions_json(trainer.convolutions())},
                          {"steps", trainer.schedule().total_steps},
                          {"steps_per_epoch", trainer.schedule().steps_per_epoch}};
  const RunDescription description = {.config = config,
                                      .command = request.command,
                                      .environment = environment,
                                      .branch = describe_branch(request, trainer),
                                      .first_step = trainer.step()};
  if (!goes_on) return RunDirectory::create(path, description);
  std::unique_ptr<RunDirectory> run = RunDirectory::reopen(path, description, request.checkpoint->meta.step);
  for (const fs::path& directory : {run->checkpoints(), run->best()}) {
    set_aside_later(directory, request.checkpoint->meta.step);
  }
  return run;
}

// How workers share the device.
std::string layout_text(const TrainConfig& config, const Job& job, const Trainer& trainer) {
  const ThreadLayout& layout = trainer.layout();
  if (trainer.device().type == DeviceType::kCuda) {
    return fmt::format("{}; {} workers, a stream each, steps {}",
                       config.machine.tf32 ? "TF32" : name_of(config.machine.precision), config.sync.workers,
                       config.machine.captures_steps() ? "captured" : "not captured");
  }
  return fmt::format("{}; {}threads: {} in all, {} of {} workers at once with {} each",
                     name_of(config.machine.precision),
                     job.processes == 1 ? "" : fmt::format("{} processes, in each ", job.processes), layout.threads,
                     layout.lanes, config.sync.workers / job.processes, layout.threads_per_worker);
}

std::string setup_text(const TrainConfig& config, const Job& job, const Trainer& trainer, const DataSource& data) {
  const Schedule& schedule = trainer.schedule();
  return fmt::format(
      "{} on {} ({} training images{}), {} steps, {} per epoch, global batch {} x {}\n"
      "device {}, {}{}",
      config.model.name, data.name, data.train->size(),
      data.validation ? fmt::format(", {} held out", data.validation->size()) : "", schedule.total_steps,
      schedule.steps_per_epoch, config.sync.workers, config.sync.local_batch, describe_device(trainer.device()),
      layout_text(config, job, trainer),
      config.processes.reduce == Reduce::kTree ? "" : fmt::format("; averages by {}", reduce_text(config, job)));
}

void print_result(const Json& summary, const RunDirectory& run) {
  const auto number = [&](const char* key) { return summary.at(key).get<double>(); };
  std::string best;
  if (!summary.at("best_step").is_null()) {
    best = fmt::format("  val top1 {:.4f}, best {:.4f} at step {} (test {:.4f})", number("val_top1"),
                       number("best_val_top1"), summary.at("best_step").get<Step>(), number("best_test_top1"));
  }
  print("top1 {:.4f} ({}/{}) top5 {:.4f} loss {:.4f}{}  {:.0f} img/s  sent {:.3f} GB  {} | {}\n", number("top1"),
        summary.at("correct").get<std::int64_t>(), summary.at("total").get<std::int64_t>(), number("top5"),
        number("loss"), best, number("img_s"), number("bytes") / 1e9, run.path().string(),
        summary.at("sync_scope").get<std::string>());
}

// Bytes and operations are those that each kind needs at least (kernels/cost.h), per second of its time.
void print_op_times(const std::map<std::string, OpTime>& times) {
  double all = 0;
  for (const auto& [kind, time] : times) all += time.estimated_milliseconds();
  print("{:<30}{:>10}{:>10}{:>14}{:>14}{:>8}{:>10}{:>10}\n", "operation", "calls", "timed", "us each", "ms", "%",
        "GB/s", "GFLOP/s");
  for (const auto& [kind, time] : times) {
    const double ms = time.estimated_milliseconds();
    const auto rate = [&](std::int64_t done) { return ms > 0 ? 1e-6 * static_cast<double>(done) / ms : 0; };
    print("{:<30}{:>10}{:>10}{:>14.3f}{:>14.3f}{:>8.1f}{:>10.1f}{:>10.1f}\n", kind, time.calls, time.timed,
          1e3 * ms / static_cast<double>(time.calls), ms, all > 0 ? 100 * ms / all : 0, rate(time.cost.bytes),
          rate(time.cost.flops()));
  }
}

// What is left of a run that diverged: every checkpoint was found finite before it was written.
std::string last_checkpoint_text(const RunDirectory& run) {
  const std::vector<fs::path> all = checkpoints_in(run.path());
  if (all.empty()) return "There is no checkpoint of this run";
  return fmt::format(
      "The last checkpoint, {}, is finite. To go on from it, or from one before it, with another rate, in a run of its "
      "own: drift train --resume {} --change lr --lr X",
      all.back().string(), shell_quoted(all.back().string()));
}

// Where training begins: in the seed's model, one from a file or the states of a checkpoint.
void take_start(const Request& request, std::optional<Checkpoint> start, Trainer& trainer) {
  const FilesConfig& files = request.resolved.config.files;
  if (start) {
    check_conditions(request, trainer);
    begin_from(request, std::move(*start), trainer);
  } else if (!files.weights.empty()) {
    trainer.load_weights(files.weights);
  }
}

// The same in all processes. Workers of a checkpoint have states of their own, a new run's have one model.
StartingPoint starting_point(const Request& request, const std::string& data, Trainer& trainer) {
  const std::string state = request.checkpoint ? fmt::format("checkpoint of step {}, {}", request.checkpoint->meta.step,
                                                             checksum_text(request.checkpoint->digest))
                                               : "model " + fingerprint(trainer.model(0).parameters, trainer.backend());
  return {.config = common_toml(request.resolved.config), .data = data, .state = state};
}

// What process 0 leaves of a run that failed, as `error` says: that stays the error, whatever becomes of the summary.
Error end_failed(const Error& error, const std::string& scope, RunDirectory& run) {
  const auto is = [&](ErrorKind kind) { return error.kind() == kind; };
  const char* const status = is(ErrorKind::kDiverged) ? "diverged" : is(ErrorKind::kStopped) ? "stopped" : "failed";
  try {
    run.write_summary({.status = status, .message = error.message(), .sync_scope = scope});
  } catch (...) {
    log_warning("no summary of the run: {}", caught_error(std::current_exception()).message());
  }
  if (!is(ErrorKind::kDiverged)) return error;
  return {error.kind(),
          fmt::format("{}. {}", error.message(), last_checkpoint_text(run)),
          {},
          std::source_location::current()};
}

// With --prediction: its steps beside it. A run that is no such one is as good as without.
void print_against(const std::optional<StepMeasurement>& prediction, const RunDirectory& run) {
  if (!prediction) return;
  try {
    print("{}", against_text(*prediction, read_run(run.path()), std::nullopt));
  } catch (const Error& error) {
    log_warning("nothing beside --prediction: {}", error.message());
  }
}

// What process 0 leaves and says at the end. Returns the exit code.
int finish(bool finished, const std::string& scope, const TrainConfig& config, const Trainer& trainer,
           const std::optional<StepMeasurement>& prediction, RunDirectory& run) {
  const Json summary = run.write_summary({.status = finished ? "finished" : "stopped",
                                          .message = finished ? "" : std::string(stop_cause()),
                                          .sync_scope = scope});
  if (config.machine.op_times) print_op_times(trainer.op_times());
  if (finished) {
    print_result(summary, run);
    print_against(prediction, run);
    return 0;
  }
  log_warning("stopped {} after step {}; go on with: drift train --resume {}", stop_cause(), trainer.step(),
              shell_quoted(run.path().string()));
  return exit_code(ErrorKind::kStopped);
}

// What the session does. run: nullptr in processes that do not write.
bool train_in(RunDirectory* run, const Request& request, const Job& job, const Membership& membership,
              const DataSource& data, const std::string& data_text, Trainer& trainer, SetupStop& setup, bool quiet) {
  const TrainConfig& config = request.resolved.config;
  const fs::path directory = share_directory(job, run != nullptr ? run->path() : fs::path());
  if (run != nullptr) {
    log_info("{}\nrun directory {}", setup_text(config, job, trainer, data), run->path().string());
    if (!membership.team.has_bits_of_one_process()) {
      log_warning(
          "{} workers in each process, which is no power of two: the last bits of averages are not those of one "
          "process",
          membership.team.local_workers());
    }
  }
  ProgressOptions options{.first_step = trainer.step(),
                          .total_steps = trainer.schedule().total_steps,
                          .global_batch = config.sync.global_batch()};
  adapt_to_stderr(options);
  const std::unique_ptr<Progress> progress =
      quiet || run == nullptr ? nullptr : std::make_unique<Progress>(options, std::cerr, steady_clock());
  const std::unique_ptr<TensorBoard> tensorboard =
      run == nullptr || !config.files.tensorboard
          ? nullptr
          : std::make_unique<TensorBoard>(run->path() / "tb", config, trainer.step());
  AveragingWatch watch([&](const std::string& text) {
    if (progress) {
      progress->message("warning: " + text);
    } else {
      log_warning("{}", text);
    }
  });
  Profiling profiling(config, job, directory, trainer);
  setup.is_over();
  const SessionOutputs outputs = {.checkpoints = directory / "ckpt",
                                  .best = directory / "best",
                                  .run = run,
                                  .progress = progress.get(),
                                  .tensorboard = tensorboard.get(),
                                  .watch = run != nullptr && config.sync.measures_rounds() ? &watch : nullptr,
                                  .data = data_text};
  const bool finished = Session(config, membership, trainer, request.checkpoint, outputs, stop_requested()).run();
  if (const std::string said = profiling.end(); run != nullptr && !said.empty()) log_info("{}", said);
  return finished;
}

// "auto" becomes what it stands for here: a run that goes on elsewhere must not find another kind of device.
void settle_device(MachineConfig& machine) {
  if (machine.device == "auto") machine.device = default_device().type == DeviceType::kCuda ? "cuda" : "cpu";
}

// In a team a stream may wait for another process, whose silence ends the run, too.
double device_timeout(const TrainConfig& config, int processes) {
  const double own = config.machine.device_timeout_seconds;
  return processes > 1 ? std::max(own, config.processes.timeout_seconds) : own;
}

// Returns the exit code.
int train(Request request, const Job& job, const std::optional<StepMeasurement>& prediction, SetupStop& setup,
          bool quiet) {
  const TrainConfig& config = request.resolved.config;
  check(config.checkpoints, config.data.val_split);
  const Membership membership = job.team_of(config.sync.workers);
  std::optional<Checkpoint> start = read_start(request, membership);
  settle_device(request.resolved.config.machine);
  device_watch().set_timeout(device_timeout(config, job.processes));
  const DataSource data = open_data(config.data, config.seed);
  const std::string data_text = fingerprint(data);
  check_data(request, data_text);
  Trainer trainer(config, data, membership);
  take_start(request, std::move(start), trainer);
  if (job.processes > 1) agree_on_start(*job.control, starting_point(request, data_text, trainer));
  const std::unique_ptr<RunDirectory> run = job.process == 0 ? open_run_directory(request, job, trainer) : nullptr;
  const std::string scope = describe_scope(config.sync, !trainer.model(0).parameters.buffers().empty());
  bool finished = false;
  try {
    finished = train_in(run.get(), request, job, membership, data, data_text, trainer, setup, quiet);
  } catch (...) {
    if (!run) throw;
    throw end_failed(first_error(job, caught_error(std::current_exception())), scope, *run);
  }
  if (run) return finish(finished, scope, config, trainer, prediction, *run);
  return finished ? 0 : exit_code(ErrorKind::kStopped);
}

struct Invocation {
  Request request;
  std::string prediction;
  bool print_config = false, print_plan = false, quiet = false;
};

// Nothing where help was asked for.
std::optional<Invocation> parse(int argc, char** argv) {
  CommandLine command_line(
      Scope::kTrain, "drift train",
      "Trains a network with parallel SGD, Local SGD or Post-local SGD. A recipe's keys are these flags without "
      "leading dashes.",
      {"drift train --recipe recipes/quickstart.toml",
       "drift train --model resnet56 --data cifar10:DIR --algo post-local --workers 4 --local-batch 32 \\",
       "            --period 16 --switch-epoch 10 --decay-epochs 10 --epochs 15 --momentum 0.9 --wd 1e-4",
       "drift launch -n 2 -- train --recipe recipes/quickstart.toml --workers 2 --local-batch 64",
       "drift train --resume runs/20260131-120000-quickstart",
       "drift train --resume runs/20260131-120000-quickstart --change lr,epochs --lr 0.01 --epochs 20",
       "drift train --recipe recipes/quickstart.toml --out runs/a --resume auto --max-time 3h50m"});
  std::string recipe, prediction;
  bool print_config = false, print_plan = false, quiet = false;
  command_line.add_value("--recipe", "FILE", &recipe, "settings from a TOML file; flags beat them");
  command_line.add_value("--prediction", "FILE", &prediction,
                         "of drift predict --json: at the end, steps beside what it says of them");
  command_line.add_switch("--print-config", print_config, "print every value with its origin and stop");
  command_line.add_switch("--print-plan", print_plan, "print steps, rounds, rates, bytes, memory of the run, and stop");
  command_line.add_switch("-q,--quiet", quiet, "no progress, only warnings and the result");
  if (!command_line.parse(argc, argv)) return std::nullopt;

  std::vector<SettingLayer> layers;
  if (!recipe.empty()) layers.push_back(read_recipe(recipe));
  layers.push_back(command_line.settings());
  std::string command = "drift";
  for (int i = 0; i < argc; ++i) command += " " + shell_quoted(argv[i]);
  DRIFT_CHECK(kUsage, is_utf8(command), "the command line is not UTF-8, as the files of a run are");
  return Invocation{.request = resolve_request(std::move(layers), command),
                    .prediction = std::move(prediction),
                    .print_config = print_config,
                    .print_plan = print_plan,
                    .quiet = quiet};
}

// Which engine is the fastest may be another one next time, or in another process.
void check_plans(const MachineConfig& machine, const Job& job) {
  if (!machine.time_plans) return;
  DRIFT_CHECK(
      kUsage, !machine.plan_file.empty(),
      "--plans timed may choose other engines, and so other bits, next time: give --plan-file FILE, which keeps "
      "what it found");
  DRIFT_CHECK(kUsage, job.processes == 1,
              "--plans timed is for one process, not for {} that may find different engines: let one find them, and "
              "give all its --plan-file",
              job.processes);
}

int run(const Invocation& asked, const Job& job, SetupStop& setup) {
  if (asked.quiet || job.process != 0) set_log_level(LogLevel::kWarning);
  if (job.process != 0) set_log_prefix(fmt::format("process {}: ", job.process));
  log_info("{}", annotated_toml(asked.request.resolved));
  std::optional<StepMeasurement> prediction;
  if (!asked.prediction.empty() && job.process == 0) prediction = read_measurement(asked.prediction);
  return train(asked.request, job, prediction, setup, asked.quiet);
}

}  // namespace

int run_train(int argc, char** argv) {
  install_stop_signals();
  SetupStop setup;
  const Launch launch = detect_launch();
  std::optional<Invocation> asked;
  const std::exception_ptr wrong = wrong_before_meeting(launch, [&] { asked = parse(argc, argv); });
  if (!asked && !wrong) return 0;
  const TimeLimit limit(asked ? asked->request.resolved.config.length.max_seconds : std::nullopt);
  if (asked && asked->print_config) {
    make_model(asked->request.resolved.config.model);  // says so if there is no such network
    if (launch.process == 0) print("{}", annotated_toml(asked->request.resolved));
    return 0;
  }
  if (asked && asked->print_plan) {
    if (launch.process == 0) print_plan(asked->request.resolved.config, launch.processes);
    return 0;
  }
  const ProcessesConfig processes = asked ? asked->request.resolved.config.processes : ProcessesConfig{};
  return meet_and_run(launch, processes, wrong, setup, [&](const Job& job) {
    const TrainConfig& config = asked->request.resolved.config;
    check_plans(config.machine, job);
    return run(*asked, with_transport(job, config, launch), setup);
  });
}

}  // namespace drift
