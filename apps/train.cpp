// drift train: from a command line to a trained network. What it does in order: resolve the config, find the other
// processes, if there are any, open the data, build a Trainer, make the run directory, then run from one evaluation or
// checkpoint to the next until the end or until asked to stop. All processes do the same; the first one prints, and
// owns the run directory.
#include <algorithm>
#include <exception>
#include <fmt/format.h>
#include <iostream>
#include <source_location>

#include "apps/command.h"
#include "apps/command_line.h"
#include "apps/output.h"
#include "apps/session.h"
#include "apps/setup_stop.h"
#include "apps/signals.h"
#include "apps/team.h"
#include "comm/launch.h"
#include "comm/nccl.h"
#include "core/check.h"
#include "core/clock.h"
#include "core/file_errors.h"
#include "core/log.h"
#include "core/stopwatch.h"
#include "core/text.h"
#include "data/fingerprint.h"
#include "kernels/cuda.h"
#include "train/checkpoint/meta.h"
#include "train/config/toml.h"
#include "train/environment.h"
#include "train/runs/progress.h"
#include "train/runs/run_directory.h"
#include "train/trainer.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

struct Request {
  ResolvedConfig resolved;
  std::optional<FoundCheckpoint> checkpoint;  // to continue from
  std::string command;                        // as typed, for the record
};

// With --resume, what the checkpoint was written with takes the place of the defaults.
Request resolve_request(const std::vector<SettingLayer>& layers, std::string command) {
  Request request{.resolved = resolve_config(layers), .checkpoint = std::nullopt, .command = std::move(command)};
  const std::string resume = request.resolved.config.files.resume;
  if (resume.empty()) return request;
  request.checkpoint = look_at_checkpoint(resume);
  TrainConfig saved = config_from_toml(request.checkpoint->meta.config_toml, "config in " + resume);
  saved.files.out.clear();
  request.resolved = resolve_resumed_config(saved, "checkpoint " + resume, layers);
  return request;
}

// How averages become those of all processes.
std::string reduce_text(const TrainConfig& config, const Job& job) {
  return job.processes == 1 || config.processes.reduce == Reduce::kTree ? "tree" : job.transport->sum_name();
}

std::unique_ptr<RunDirectory> open_run_directory(const Request& request, const Job& job, const Trainer& trainer) {
  const TrainConfig& config = request.resolved.config;
  const fs::path resumed = config.files.resume.empty() ? fs::path() : run_directory_of(config.files.resume);
  const fs::path path = config.files.out.empty() ? resumed : fs::path(config.files.out);
  const bool goes_on = !resumed.empty() && is_same_place(ErrorKind::kUsage, path, resumed);
  const ThreadLayout& layout = trainer.layout();
  Json environment = describe_environment();
  environment["setup"] = {{"processes", job.processes},
                          {"hosts", job.hosts},
                          {"reduce", reduce_text(config, job)},
                          {"device", to_string(trainer.device())},
                          {"threads", layout.threads},
                          {"workers_at_once", layout.lanes},
                          {"threads_per_worker", layout.threads_per_worker},
                          {"steps", trainer.schedule().total_steps},
                          {"steps_per_epoch", trainer.schedule().steps_per_epoch}};
  const RunDescription description = {.config = config, .command = request.command, .environment = environment};
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
  print("top1 {:.4f} ({}/{}) loss {:.4f}{}  {:.0f} img/s  sent {:.3f} GB  {} | {}\n", number("top1"),
        summary.at("correct").get<std::int64_t>(), summary.at("total").get<std::int64_t>(), number("loss"), best,
        number("img_s"), number("bytes") / 1e9, run.path().string(), summary.at("sync_scope").get<std::string>());
}

void print_op_times(const std::map<std::string, OpTime>& times) {
  double all = 0;
  for (const auto& [kind, time] : times) all += time.milliseconds;
  print("{:<30}{:>10}{:>14}{:>8}\n", "operation", "calls", "device ms", "%");
  for (const auto& [kind, time] : times) {
    print("{:<30}{:>10}{:>14.3f}{:>8.1f}\n", kind, time.calls, time.milliseconds,
          all > 0 ? 100 * time.milliseconds / all : 0);
  }
}

// What is left of a run that diverged: every checkpoint was found finite before it was written.
std::string last_checkpoint_text(const RunDirectory& run) {
  const std::vector<fs::path> all = checkpoints_in(run.path());
  if (all.empty()) return "There is no checkpoint of this run";
  return fmt::format(
      "The last checkpoint, {}, is sound: --resume goes on from it with the same rate, --weights {} starts "
      "a new run from it with another",
      all.back().string(), (all.back() / "model.safetensors").string());
}

// Where training begins: in the seed's model, one from a file or the states of a checkpoint.
void take_start(const Request& request, const Team& team, Trainer& trainer) {
  const FilesConfig& files = request.resolved.config.files;
  if (request.checkpoint) {
    trainer.restore(read_checkpoint(request.checkpoint->directory, team));
  } else if (!files.weights.empty()) {
    trainer.load_weights(files.weights);
  }
}

// The same in all processes. Workers of a checkpoint have states of their own, a new run's have one model.
StartingPoint starting_point(const Request& request, const DataSource& data, Trainer& trainer) {
  const std::string state = request.checkpoint ? fmt::format("checkpoint of step {}, {}", request.checkpoint->meta.step,
                                                             checksum_text(request.checkpoint->digest))
                                               : "model " + fingerprint(trainer.model(0).parameters, trainer.backend());
  return {.config = config_to_toml(request.resolved.config), .data = fingerprint(data), .state = state};
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

// What process 0 leaves and says at the end. Returns the exit code.
int finish(bool finished, const std::string& scope, const TrainConfig& config, const Trainer& trainer,
           RunDirectory& run) {
  const Json summary = run.write_summary(
      {.status = finished ? "finished" : "stopped", .message = finished ? "" : "by a signal", .sync_scope = scope});
  if (config.machine.op_times) print_op_times(trainer.op_times());
  if (finished) {
    print_result(summary, run);
    return 0;
  }
  log_warning("stopped after step {}; go on with: drift train --resume {}", trainer.step(), run.path().string());
  return exit_code(ErrorKind::kStopped);
}

// What the session does. run: nullptr in processes that do not write.
bool train_in(RunDirectory* run, const Request& request, const Job& job, const Membership& membership,
              const DataSource& data, Trainer& trainer, SetupStop& setup, bool quiet) {
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
  setup.is_over();
  const SessionOutputs outputs = {
      .checkpoints = directory / "ckpt", .best = directory / "best", .run = run, .progress = progress.get()};
  return Session(config, membership, trainer, request.checkpoint, outputs, stop_requested()).run();
}

// Returns the exit code.
int train(const Request& request, const Job& job, SetupStop& setup, bool quiet) {
  const TrainConfig& config = request.resolved.config;
  check(config.checkpoints, config.data.val_split);
  const Membership membership = job.team_of(config.sync.workers);
  const DataSource data = open_data(config.data, config.seed);
  Trainer trainer(config, data, membership);
  take_start(request, membership.team, trainer);
  if (job.processes > 1) agree_on_start(*job.control, starting_point(request, data, trainer));
  const std::unique_ptr<RunDirectory> run = job.process == 0 ? open_run_directory(request, job, trainer) : nullptr;
  const std::string scope = describe_scope(config.sync, !trainer.model(0).parameters.buffers().empty());
  bool finished = false;
  try {
    finished = train_in(run.get(), request, job, membership, data, trainer, setup, quiet);
  } catch (...) {
    if (!run) throw;
    throw end_failed(first_error(job, caught_error(std::current_exception())), scope, *run);
  }
  if (run) return finish(finished, scope, config, trainer, *run);
  return finished ? 0 : exit_code(ErrorKind::kStopped);
}

struct Invocation {
  Request request;
  bool print_config = false, quiet = false;
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
       "drift train --resume runs/20260131-120000-quickstart"});
  std::string recipe;
  bool print_config = false, quiet = false;
  command_line.add_value("--recipe", "FILE", &recipe, "settings from a TOML file; flags beat them");
  command_line.add_switch("--print-config", print_config, "print every value with its origin and stop");
  command_line.add_switch("-q,--quiet", quiet, "no progress, only warnings and the result");
  if (!command_line.parse(argc, argv)) return std::nullopt;

  std::vector<SettingLayer> layers;
  if (!recipe.empty()) layers.push_back(read_recipe(recipe));
  layers.push_back(command_line.settings());
  const std::vector<std::string> words(argv, argv + argc);
  const std::string command = fmt::format("drift {}", fmt::join(words, " "));
  DRIFT_CHECK(kUsage, is_utf8(command), "the command line is not UTF-8, as the files of a run are");
  return Invocation{.request = resolve_request(layers, command), .print_config = print_config, .quiet = quiet};
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

// Several processes meet over NCCL where they compute on GPUs, each on its own.
Job with_transport(Job job, const TrainConfig& config, const Launch& launch) {
  if (job.processes == 1) return job;
  Device device = choose_device(config.machine.device);
  if (device.type == DeviceType::kCpu) {
    DRIFT_CHECK(kConfig, job.transport,
                "{} are those of torchrun, whose processes meet over NCCL on GPUs; on CPUs they meet "
                "over MPI: mpirun -n {} drift train ...",
                launch.variables, launch.processes);
    return job;
  }
  DRIFT_CHECK(
      kConfig, have_nccl(),
      "{} processes on GPUs meet over NCCL, which this build does not have: run all --workers in one process, or "
      "give --device cpu",
      job.processes);
  if (config.machine.device == "auto") {
    device.index = job.local_process;
    DRIFT_CHECK(kDevice, device.index < cuda_device_count(),
                "on {}, process {} is number {} of this machine, which has {} GPUs: start one process for each GPU",
                job.hosts[static_cast<std::size_t>(job.process)], job.process, device.index + 1, cuda_device_count());
  }
  return on_gpus(std::move(job), device,
                 {.timeout_seconds = config.processes.timeout_seconds,
                  .nccl_multiprocessors = config.machine.nccl_multiprocessors});
}

int run(const Invocation& asked, const Job& job, SetupStop& setup) {
  if (asked.quiet || job.process != 0) set_log_level(LogLevel::kWarning);
  if (job.process != 0) set_log_prefix(fmt::format("process {}: ", job.process));
  log_info("{}", annotated_toml(asked.request.resolved));
  return train(asked.request, job, setup, asked.quiet);
}

}  // namespace

int run_train(int argc, char** argv) {
  install_stop_signals();
  SetupStop setup;
  const Launch launch = detect_launch();
  std::optional<Invocation> asked;
  std::exception_ptr wrong;
  try {
    asked = parse(argc, argv);
    if (!asked) return 0;
  } catch (const Error&) {  // what is wrong in several processes is said once they have met
    if (launch.processes == 1) throw;
    wrong = std::current_exception();
  }
  if (asked && asked->print_config) {
    make_model(asked->request.resolved.config.model);  // says so if there is no such network
    if (launch.process == 0) print("{}", annotated_toml(asked->request.resolved));
    return 0;
  }
  const ProcessesConfig processes = asked ? asked->request.resolved.config.processes : ProcessesConfig{};
  const Job job =
      join_launched(launch, {.control_port = processes.control_port, .timeout_seconds = processes.timeout_seconds});
  setup.joined(job);
  return run_in_job(job, [&] {
    if (wrong) std::rethrow_exception(wrong);
    const TrainConfig& config = asked->request.resolved.config;
    check_plans(config.machine, job);
    return run(*asked, with_transport(job, config, launch), setup);
  });
}

}  // namespace drift
