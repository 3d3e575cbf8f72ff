// drift eval: accuracy of stored weights on the test split. Stored batch-norm statistics are used unless they are to be
// re-estimated first, which matters for weights that were averaged (docs/local_sgd.md).
#include <cmath>
#include <fmt/format.h>

#include "apps/command.h"
#include "apps/command_line.h"
#include "apps/output.h"
#include "core/check.h"
#include "core/clock.h"
#include "core/json_lines.h"
#include "engine/memory_pool.h"
#include "kernels/backend.h"
#include "train/checkpoint/weight_file.h"
#include "train/config/resolve.h"
#include "train/step/evaluate.h"
#include "train/step/finite_check.h"
#include "train/step/worker.h"

namespace drift {
namespace {

struct Result {
  Evaluation evaluation;
  NonFiniteCounts not_finite;  // in the weights that were measured
  double seconds = 0;
};

Result measure(const TrainConfig& config) {
  const Device device = choose_device(config.machine.device);
  require_precision(config.machine.precision, device);
  const int threads = config.machine.threads > 0 ? config.machine.threads : cpu_features().cores;
  const std::unique_ptr<Stream> stream = make_stream(device, threads);
  const std::unique_ptr<Backend> backend = make_backend(*stream, backend_options(config.machine));
  const std::unique_ptr<Model> model = make_model(config.model);
  model->parameters.allocate(*backend, /*with_training_state=*/false);
  read_weights(config.files.weights, *model, *backend);

  const DataSource data = open_data(config.data, config.seed);
  DRIFT_CHECK(kConfig, data.test->classes() == config.model.classes,
              "{} has {} classes, the model has {}: give --classes {}", config.data.spec, data.test->classes(),
              config.model.classes, data.test->classes());
  const double begin = steady_clock().seconds();
  MemoryPool pool(device);
  if (config.sync.scope.batch_norm == BatchNormPolicy::kReestimate) {
    reestimate_batch_norm(*model, *data.train, data.normalisation, config, /*step=*/0, *backend, pool);
  }
  Result result;
  result.not_finite = count_non_finite(model->parameters, *backend);
  result.evaluation = evaluate(*model, *data.test, data.normalisation, config.machine.precision,
                               config.evaluation.batch, *backend, pool);
  result.seconds = steady_clock().seconds() - begin;
  return result;
}

void print_result(const TrainConfig& config, const Evaluation& evaluation, double seconds, bool json) {
  const bool reestimate = config.sync.scope.batch_norm == BatchNormPolicy::kReestimate;
  const std::int64_t bn_batches = reestimate ? config.sync.scope.bn_batches : 0;
  if (json) {
    const Json result = {{"model", config.model.name}, {"weights", config.files.weights},
                         {"data", config.data.spec},   {"correct", evaluation.correct},
                         {"total", evaluation.total},  {"top1", evaluation.top1()},
                         {"top5", evaluation.top5()},  {"loss", evaluation.loss},
                         {"bn_batches", bn_batches},   {"precision", name_of(config.machine.precision)},
                         {"seconds", seconds}};
    print("{}\n", result.dump(2));
    return;
  }
  const std::string statistics =
      reestimate ? fmt::format("re-estimated on {} batches of {}", bn_batches, config.sync.local_batch) : "as stored";
  print("correct {}/{}  top1 {:.4f}  top5 {:.4f}  loss {:.4f} | {} {}, batch-norm statistics {}\n", evaluation.correct,
        evaluation.total, evaluation.top1(), evaluation.top5(), evaluation.loss, config.model.name,
        name_of(config.machine.precision), statistics);
}

}  // namespace

int run_eval(int argc, char** argv) {
  CommandLine command(Scope::kEval, "drift eval",
                      "Measures stored weights on the test split: correct count, top-1 and mean loss.",
                      {"drift eval --weights resnet56.safetensors --model resnet56 --data cifar10:DIR",
                       "drift eval --weights runs/x/ckpt/step-624/model.safetensors --bn-stats reestimate:100 --json"});
  bool json = false;
  command.add_switch("--json", json, "print JSON");
  if (!command.parse(argc, argv)) return 0;

  const TrainConfig config = resolve_config(std::vector{command.settings()}, Scope::kEval).config;
  DRIFT_CHECK(kUsage, !config.files.weights.empty(), "drift eval needs --weights FILE.safetensors");
  const auto [evaluation, not_finite, seconds] = measure(config);
  print_result(config, evaluation, seconds, json);
  DRIFT_CHECK(kDiverged, not_finite.none(), "{}: not finite: {} are NaN or infinite", config.files.weights,
              to_string(not_finite));
  DRIFT_CHECK(kDiverged, std::isfinite(evaluation.loss), "{}: the loss is {}", config.files.weights, evaluation.loss);
  return 0;
}

}  // namespace drift
