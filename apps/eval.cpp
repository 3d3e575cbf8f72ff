// drift eval: accuracy of stored weights on the test split and, where a run held images out of training, on those. The
// weights are a file, or checkpoints of a run, whose settings then take the place of the defaults. Stored batch-norm
// statistics are used unless they are to be re-estimated first, which matters for weights that were averaged
// (docs/local_sgd.md).
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <optional>
#include <string_view>
#include <tuple>
#include <vector>

#include "apps/command.h"
#include "apps/command_line.h"
#include "apps/output.h"
#include "core/check.h"
#include "core/clock.h"
#include "core/json_lines.h"
#include "engine/memory_pool.h"
#include "kernels/backend.h"
#include "kernels/device_watch.h"
#include "train/checkpoint/checkpoint.h"
#include "train/checkpoint/weight_file.h"
#include "train/config/toml.h"
#include "train/step/evaluate.h"
#include "train/step/finite_check.h"
#include "train/step/worker.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

struct Measured {
  Evaluation test;
  std::optional<Evaluation> validation;
  NonFiniteCounts not_finite;  // in the weights
  double seconds = 0;
};

// One file of weights.
struct Subject {
  fs::path checkpoint = {};  // whose model it is; "": of none
  TrainConfig config = {};   // files.weights is the file
  Step step = 0;
  bool provisional = false;
  std::optional<Measured> measured = {};
  std::optional<Error> error = {};  // why it was not, or counts for nothing
};

// The data of the latest config: all checkpoints of a run have the same.
class OpenedData {
 public:
  const DataSource& of(const TrainConfig& config) {
    const DataConfig& asked = config.data;
    const bool is_open = data_ && std::tie(asked.spec, asked.normalisation, asked.val_split, config.seed) ==
                                      std::tie(asked_.spec, asked_.normalisation, asked_.val_split, seed_);
    if (!is_open) data_ = open_data(asked, config.seed);
    asked_ = asked;
    seed_ = config.seed;
    return *data_;
  }

 private:
  DataConfig asked_;
  std::uint64_t seed_ = 0;
  std::optional<DataSource> data_;
};

bool is_reestimated(const TrainConfig& config) {
  return config.sync.scope.batch_norm == BatchNormPolicy::kReestimate;
}

Measured measure(const TrainConfig& config, OpenedData& opened) {
  const Device device = choose_device(config.machine.device);
  require_precision(config.machine.precision, device);
  device_watch().set_timeout(config.machine.device_timeout_seconds);
  const int threads = config.machine.threads > 0 ? config.machine.threads : cpu_features().cores;
  const std::unique_ptr<Stream> stream = make_stream(device, threads);
  const std::unique_ptr<Backend> backend = make_backend(*stream, backend_options(config.machine));
  const std::unique_ptr<Model> model = make_model(config.model);
  model->parameters.allocate(*backend, /*with_training_state=*/false);
  read_weights(config.files.weights, *model, *backend);

  const DataSource& data = opened.of(config);
  DRIFT_CHECK(kConfig, data.test->classes() == config.model.classes,
              "{} has {} classes, the model has {}: give --classes {}", config.data.spec, data.test->classes(),
              config.model.classes, data.test->classes());
  const double begin = steady_clock().seconds();
  MemoryPool pool(device);
  LoaderPool loading(loader_threads(config.machine, *data.test, threads));
  if (is_reestimated(config)) {
    reestimate_batch_norm(*model, *data.train, data.normalisation, config, /*step=*/0, *backend, pool, loading);
  }
  const auto evaluated = [&](const Dataset& dataset) {
    return evaluate(*model, dataset, data.normalisation, config.machine.precision,
                    config.evaluation.batch_of(dataset.image_shape()), *backend, pool, loading);
  };
  Measured measured;
  measured.not_finite = count_non_finite(model->parameters, *backend);
  measured.test = evaluated(*data.test);
  if (data.validation) measured.validation = evaluated(*data.validation);
  measured.seconds = steady_clock().seconds() - begin;
  return measured;
}

void check_finite(const Measured& measured, const std::string& weights) {
  DRIFT_CHECK(kDiverged, measured.not_finite.none(), "{}: not finite: {} are NaN or infinite", weights,
              to_string(measured.not_finite));
  DRIFT_CHECK(kDiverged, std::isfinite(measured.test.loss), "{}: the loss is {}", weights, measured.test.loss);
  DRIFT_CHECK(kDiverged, !measured.validation || std::isfinite(measured.validation->loss),
              "{}: the validation loss is {}", weights, measured.validation->loss);
}

// What a checkpoint was written with, as settings of this command. Where its statistics come from and what computes is
// decided here, and the weights are its own.
SettingLayer settings_of(const FoundCheckpoint& checkpoint) {
  const std::string origin = "checkpoint " + checkpoint.directory.string();
  const TrainConfig saved = config_from_toml(checkpoint.meta.config_toml, "config in " + checkpoint.directory.string());
  constexpr std::string_view kDecidedHere[] = {"bn-stats", "weights", "device", "threads"};
  SettingLayer layer{.origin = origin, .kind = ErrorKind::kConfig, .settings = {}};
  for (const Option& option : options_of(Scope::kEval)) {
    if (std::ranges::find(kDecidedHere, option.name) != std::end(kDecidedHere)) continue;
    const std::optional<std::string> value = option.get(saved);
    if (value) layer.settings.push_back({.name = option.name, .text = *value, .where = origin + ": " + option.name});
  }
  return layer;
}

Subject subject_of(const FoundCheckpoint& checkpoint, const SettingLayer& given) {
  Subject subject{.checkpoint = checkpoint.directory,
                  .config = resolve_config(std::vector{settings_of(checkpoint), given}, Scope::kEval).config,
                  .step = checkpoint.meta.step,
                  .provisional = checkpoint.meta.provisional};
  subject.config.files.weights = sound_model_file(checkpoint).string();
  return subject;
}

// Damage, and weights that are not finite, are found in one checkpoint: others may be sound.
void note(Subject& subject, const Error& error) {
  if (error.kind() != ErrorKind::kCheckpoint && error.kind() != ErrorKind::kDiverged) throw error;
  subject.error = error;
}

void measure(Subject& subject, OpenedData& opened) {
  try {
    subject.measured = measure(subject.config, opened);
    check_finite(*subject.measured, subject.config.files.weights);
  } catch (const Error& error) {
    note(subject, error);
  }
}

Subject measured_checkpoint(const fs::path& path, const SettingLayer& given, OpenedData& opened) {
  Subject subject{.checkpoint = path};
  try {
    subject = subject_of(look_at_checkpoint(path), given);
  } catch (const Error& error) {
    note(subject, error);
    return subject;
  }
  measure(subject, opened);
  return subject;
}

std::string statistics_text(const Subject& subject) {
  const TrainConfig& config = subject.config;
  if (is_reestimated(config)) {
    return fmt::format("re-estimated on {} batches of {}", config.sync.scope.bn_batches, config.sync.local_batch);
  }
  return subject.provisional ? "provisional, the workers' mean, which the run would have re-estimated" : "as stored";
}

Json json_of(const Subject& subject) {
  Json result = Json::object();
  if (!subject.checkpoint.empty()) result["checkpoint"] = subject.checkpoint.string();
  if (const auto& measured = subject.measured) {
    const TrainConfig& config = subject.config;
    if (!subject.checkpoint.empty()) result["step"] = subject.step;
    if (subject.provisional) result["provisional"] = true;
    const Evaluation& test = measured->test;
    result.update({{"model", config.model.name},
                   {"weights", config.files.weights},
                   {"data", config.data.spec},
                   {"correct", test.correct},
                   {"total", test.total},
                   {"top1", test.top1()},
                   {"top5", test.top5()},
                   {"correct_top5", test.correct_top5},
                   {"loss", test.loss}});
    if (const auto& held_out = measured->validation) {
      result.update({{"val_correct", held_out->correct},
                     {"val_total", held_out->total},
                     {"val_top1", held_out->top1()},
                     {"val_top5", held_out->top5()},
                     {"val_correct_top5", held_out->correct_top5},
                     {"val_loss", held_out->loss}});
    }
    result.update({{"bn_batches", is_reestimated(config) ? config.sync.scope.bn_batches : 0},
                   {"precision", name_of(config.machine.precision)},
                   {"seconds", measured->seconds}});
  }
  if (subject.error) result["error"] = subject.error->message();
  return result;
}

void print_line(const Subject& subject) {
  const Measured& measured = *subject.measured;
  const Evaluation& test = measured.test;
  std::string validation;
  if (const auto& held_out = measured.validation) {
    validation = fmt::format("  val top1 {:.4f} ({}/{})  val top5 {:.4f}  val loss {:.4f}", held_out->top1(),
                             held_out->correct, held_out->total, held_out->top5(), held_out->loss);
  }
  print("correct {}/{}  top1 {:.4f}  top5 {:.4f}  loss {:.4f}{} | {}{} {}, batch-norm statistics {}\n", test.correct,
        test.total, test.top1(), test.top5(), test.loss, validation,
        subject.checkpoint.empty() ? "" : fmt::format("step {} of ", subject.step), subject.config.model.name,
        name_of(subject.config.machine.precision), statistics_text(subject));
}

void print_table(const std::vector<Subject>& subjects) {
  print("{:>10}{:>9}{:>9}{:>10}{:>10}{:>10}{:>10}  {}\n", "step", "top1", "top5", "loss", "val top1", "val top5",
        "val loss", "checkpoint, batch-norm statistics");
  for (const Subject& subject : subjects) {
    if (const auto& measured = subject.measured) {
      const auto& held_out = measured->validation;
      const auto number = [&](double value) { return held_out ? fmt::format("{:.4f}", value) : "-"; };
      print("{:>10}{:>9.4f}{:>9.4f}{:>10.4f}{:>10}{:>10}{:>10}  {}, {}\n", subject.step, measured->test.top1(),
            measured->test.top5(), measured->test.loss, number(held_out ? held_out->top1() : 0),
            number(held_out ? held_out->top5() : 0), number(held_out ? held_out->loss : 0), subject.checkpoint.string(),
            statistics_text(subject));
    }
    if (subject.error) print("{:>10}  {}\n", "-", subject.error->message());
  }
}

}  // namespace

int run_eval(int argc, char** argv) {
  CommandLine command(
      Scope::kEval, "drift eval",
      "Measures stored weights on the test split, and on the images that --val-split holds out: correct count, top-1,\n"
      "top-5 and mean loss. The checkpoints of a RUN bring their model, data, seed and so on; flags beat them.",
      {"drift eval runs/x", "drift eval runs/x --all-checkpoints --bn-stats reestimate:100 --json",
       "drift eval --weights resnet56.pt --model resnet56 --data cifar10:DIR"});
  std::string run;
  bool json = false, all = false;
  command.add_value("RUN", "", &run, "a run, its newest checkpoint; or a ckpt, best or step-<n> directory");
  command.add_switch("--all-checkpoints", all, "all that RUN has, in order of steps");
  command.add_switch("--json", json, "print JSON");
  if (!command.parse(argc, argv)) return 0;

  const SettingLayer given = command.settings();
  Subject weights{.config = resolve_config(std::vector{given}, Scope::kEval).config};
  const std::string& file = weights.config.files.weights;
  DRIFT_CHECK(kUsage, run.empty() != file.empty(),
              "drift eval measures a RUN or --weights FILE, and {} given: give one of them",
              run.empty() ? "neither is" : "both are");
  DRIFT_CHECK(kUsage, !all || file.empty(), "--all-checkpoints are those of a RUN, not of --weights");
  std::error_code absent;
  DRIFT_CHECK(kUsage, !fs::is_regular_file(run, absent), "{} is a file, not the directory of a run: give --weights {}",
              run, run);

  OpenedData opened;
  std::vector<Subject> subjects;
  if (run.empty()) {
    measure(weights, opened);
    subjects.push_back(weights);
  } else {
    std::vector<fs::path> paths = {find_checkpoint(run)};
    if (all) paths = checkpoints_in(run);
    for (const fs::path& path : paths) subjects.push_back(measured_checkpoint(path, given, opened));
  }
  if (json) {
    Json results = Json::array();
    for (const Subject& subject : subjects) results.push_back(json_of(subject));
    if (all || subjects.front().measured) print("{}\n", (all ? results : results.front()).dump(2));
  } else if (all) {
    print_table(subjects);
  } else if (subjects.front().measured) {
    print_line(subjects.front());
  }
  for (const Subject& subject : subjects) {
    if (subject.error) throw *subject.error;
  }
  return 0;
}

}  // namespace drift
