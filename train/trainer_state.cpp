// The trainer between two stretches of training: the averaged copy and its evaluation, checkpoints, weights from
// elsewhere. Nothing here changes what training goes on with, but for restore() and load_weights().
#include "train/trainer_state.h"

#include <fmt/format.h>

#include "core/check.h"
#include "core/stopwatch.h"
#include "train/config/options.h"
#include "train/step/replicas.h"

namespace drift {
namespace {

using Arena = std::span<float> (ParameterSet::*)() const;

std::vector<std::span<float>> arenas_of(const std::vector<std::unique_ptr<Worker>>& workers, Arena arena) {
  std::vector<std::span<float>> spans;
  for (const auto& worker : workers) spans.push_back((worker->parameters().*arena)());
  return spans;
}

std::string text_of(const ModelOptions& model) {
  const std::string groups = model.norm == "group" ? fmt::format(" groups={}", model.groups) : "";
  return fmt::format("{} norm={}{} classes={}", model.name, model.norm, groups, model.classes);
}

}  // namespace

std::unique_ptr<Model> Trainer::averaged_model() {
  return averaged_model(state_->config.sync.scope.bn_stats);
}

std::unique_ptr<Model> Trainer::averaged_model(BatchNormStats bn_stats) {
  State& state = *state_;
  auto model = make_model(state.config.model);
  Backend& backend = *state.evaluator.backend;
  model->parameters.allocate(backend, /*with_training_state=*/false);
  average_into(arenas_of(state.workers, &ParameterSet::values), model->parameters.values(), backend);
  const auto buffers = arenas_of(state.workers, &ParameterSet::buffers);
  if (buffers.front().empty()) return model;
  switch (bn_stats) {
    case BatchNormStats::kReestimate:
      reestimate_batch_norm(*model, *state.data.train, state.data.normalisation, state.config, state.done, backend,
                            state.evaluator.pool);
      break;
    case BatchNormStats::kAverage:
      average_into(buffers, model->parameters.buffers(), backend);
      break;
    case BatchNormStats::kLocal:
      backend.copy(as_tensor(buffers.front()), as_tensor(model->parameters.buffers()));
      break;
  }
  return model;
}

Backend& Trainer::backend() {
  return *state_->evaluator.backend;
}

EvalRecord Trainer::evaluate() {
  const Stopwatch watch;
  const auto model = averaged_model();
  EvalRecord record = evaluate(*model);
  record.seconds = watch.seconds();
  return record;
}

EvalRecord Trainer::evaluate(const Model& model) {
  State& state = *state_;
  const Stopwatch watch;
  const Evaluation result = drift::evaluate(model, *state.data.test, state.data.normalisation, state.config.precision,
                                            state.config.eval_batch, *state.evaluator.backend, state.evaluator.pool);
  return {.step = state.done,
          .epoch = static_cast<double>(state.done) / static_cast<double>(state.schedule.steps_per_epoch),
          .loss = result.loss,
          .top1 = result.top1(),
          .correct = result.correct,
          .total = result.total,
          .seconds = watch.seconds()};
}

Checkpoint Trainer::checkpoint() const {
  const State& state = *state_;
  Checkpoint checkpoint{.meta = {.step = state.done,
                                 .workers = state.config.sync.workers,
                                 .config_toml = config_to_toml(state.config),
                                 .model = text_of(state.config.model)},
                        .workers = {}};
  for (const auto& worker : state.workers) {
    const ParameterSet& replica = worker->parameters();
    Backend& backend = worker->backend();
    checkpoint.workers.push_back({.values = download(replica.values(), backend),
                                  .momentum = download(replica.momentum(), backend),
                                  .buffers = download(replica.buffers(), backend)});
  }
  return checkpoint;
}

void Trainer::restore(const Checkpoint& checkpoint) {
  State& state = *state_;
  const Step step = checkpoint.meta.step;
  DRIFT_ASSERT(std::ssize(checkpoint.workers) == checkpoint.meta.workers, "a checkpoint of {} workers with {} states",
               checkpoint.meta.workers, checkpoint.workers.size());
  check_fits(checkpoint, text_of(state.config.model), state.config.sync.workers, state.workers.front()->parameters());
  DRIFT_CHECK(kCheckpoint, 0 <= step && step <= state.schedule.total_steps,
              "the checkpoint is of step {}, this run ends at step {}", step, state.schedule.total_steps);
  for (std::size_t k = 0; k < state.workers.size(); ++k) {
    const ParameterSet& replica = state.workers[k]->parameters();
    Backend& backend = state.workers[k]->backend();
    upload(checkpoint.workers[k].values, replica.values(), backend);
    upload(checkpoint.workers[k].momentum, replica.momentum(), backend);
    upload(checkpoint.workers[k].buffers, replica.buffers(), backend);
    state.workers[k]->stream().synchronize();  // evaluations read it from another stream
  }
  state.done = step;
}

void Trainer::load_weights(const std::filesystem::path& path) {
  State& state = *state_;
  const ParameterSet& source = state.workers.front()->parameters();
  read_weights(path, source, state.workers.front()->backend());
  for (const auto& worker : state.workers) {  // worker 0 comes first: the others copy from it
    const ParameterSet& replica = worker->parameters();
    Backend& backend = worker->backend();
    if (worker != state.workers.front()) {
      backend.copy(as_tensor(source.values()), as_tensor(replica.values()));
      if (!source.buffers().empty()) backend.copy(as_tensor(source.buffers()), as_tensor(replica.buffers()));
    }
    backend.fill(as_tensor(replica.momentum()), 0);
    worker->stream().synchronize();  // others read it on streams of their own
  }
}

}  // namespace drift
