// drift eval: accuracy of stored weights on the test split. Stored batch-norm statistics are used unless they are to be
// re-estimated first, which matters for weights that were averaged (docs/local_sgd.md).
#include <algorithm>
#include <fmt/format.h>

#include "apps/command.h"
#include "apps/command_line.h"
#include "core/clock.h"
#include "core/json_lines.h"
#include "engine/memory_pool.h"
#include "kernels/backend.h"
#include "train/checkpoint/weight_file.h"
#include "train/step/evaluate.h"
#include "train/step/worker.h"

namespace drift {
namespace {

// "stored": 0; "reestimate[:N]": N, or what training uses.
std::int64_t batches_to_reestimate(const std::string& text) {
  if (text == "stored") return 0;
  TrainConfig config;
  const bool ok = text.starts_with("reestimate") && find_option("bn-stats")->set(config, text);
  DRIFT_CHECK(kUsage, ok, "--bn-stats must be stored, reestimate or reestimate:N with N of at least 1, found '{}'",
              text);
  return config.sync.scope.bn_batches;
}

struct Result {
  Evaluation evaluation;
  double seconds = 0;
};

Result measure(const TrainConfig& config, std::int64_t bn_batches) {
  const Device device = choose_device(config.device);
  require_precision(config.precision, device);
  const int threads = config.threads > 0 ? config.threads : cpu_features().cores;
  const std::unique_ptr<Stream> stream = make_stream(device, threads);
  const std::unique_ptr<Backend> backend = make_backend(*stream, backend_options(config));
  const std::unique_ptr<Model> model = make_model(config.model);
  model->parameters.allocate(*backend, /*with_training_state=*/false);
  read_weights(config.weights, model->parameters, *backend);

  const DataSource data = open_data(config.data, config.seed);
  DRIFT_CHECK(kConfig, data.test->classes() == config.model.classes,
              "{} has {} classes, the model has {}: give --classes {}", config.data, data.test->classes(),
              config.model.classes, data.test->classes());
  const double begin = steady_clock().seconds();
  MemoryPool pool(device);
  if (bn_batches > 0) {
    TrainConfig statistics = config;
    statistics.sync.scope.bn_batches = bn_batches;
    reestimate_batch_norm(*model, *data.train, data.normalisation, statistics, /*step=*/0, *backend, pool);
  }
  Result result;
  result.evaluation =
      evaluate(*model, *data.test, data.normalisation, config.precision, config.eval_batch, *backend, pool);
  result.seconds = steady_clock().seconds() - begin;
  return result;
}

}  // namespace

int run_eval(int argc, char** argv) {
  CommandLine command("drift eval", "Measures stored weights on the test split: correct count, top-1 and mean loss.",
                      {"drift eval --weights resnet56.safetensors --model resnet56 --data cifar10:DIR",
                       "drift eval --weights runs/x/ckpt/step-624/model.safetensors --bn-stats reestimate:100 --json"});
  std::string bn_stats = "stored";
  bool json = false;
  command.add_value("--bn-stats", "stored|reestimate[:N]", bn_stats,
                    "batch-norm statistics: from the file, or from N training batches (100) of --local-batch [stored]");
  command.add_switch("--json", json, "print JSON");
  command.add_config_options({"model", "norm", "groups", "classes", "weights", "data", "augment", "local-batch", "seed",
                              "eval-batch", "precision", "device", "threads"});
  if (!command.parse(argc, argv)) return 0;

  const TrainConfig config = resolve_config(std::vector{command.settings()}).config;
  DRIFT_CHECK(kUsage, !config.weights.empty(), "drift eval needs --weights FILE.safetensors");
  const std::int64_t bn_batches = batches_to_reestimate(bn_stats);
  const auto [evaluation, seconds] = measure(config, bn_batches);
  const std::string statistics =
      bn_batches > 0 ? fmt::format("re-estimated on {} batches of {}", bn_batches, config.sync.local_batch)
                     : "as stored";
  if (json) {
    const Json result = {{"model", config.model.name}, {"weights", config.weights},
                         {"data", config.data},        {"correct", evaluation.correct},
                         {"total", evaluation.total},  {"top1", evaluation.top1()},
                         {"top5", evaluation.top5()},  {"loss", evaluation.loss},
                         {"bn_batches", bn_batches},   {"precision", name_of(config.precision)},
                         {"seconds", seconds}};
    fmt::print("{}\n", result.dump(2));
    return 0;
  }
  fmt::print("correct {}/{}  top1 {:.4f}  top5 {:.4f}  loss {:.4f} | {} {}, batch-norm statistics {}\n",
             evaluation.correct, evaluation.total, evaluation.top1(), evaluation.top5(), evaluation.loss,
             config.model.name, name_of(config.precision), statistics);
  return 0;
}

}  // namespace drift
