#include "tests/oracles/simulation.h"

#include "tests/reference/augment.h"
#include "tests/reference/sgd.h"
#include "tests/support/prepare_batch.h"

namespace drift::sim {
namespace {

using reference::Array;

// Written from the definition, not from SyncPlan: H = 1 rounds of gradients before the switch, then every H-th step.
Sync sync_at(const SyncConfig& sync, Step step, Step total) {
  const Step switch_step = sync.algorithm == Algorithm::kSgd ? total : sync.switch_step.value_or(0);
  if (step < switch_step) return Sync::kGradients;
  const bool round_ends = (step - switch_step + 1) % sync.periods[0] == 0 || (sync.final_average && step == total - 1);
  return round_ends ? Sync::kParameters : Sync::kNone;
}

void average(std::vector<Replica>& replicas, std::vector<double> Replica::*arena) {
  std::vector<std::vector<double>> parts;
  for (const Replica& replica : replicas) parts.push_back(replica.*arena);
  const std::vector<double> mean = reference::tree_average(std::move(parts));
  for (Replica& replica : replicas) replica.*arena = mean;
}

void end_round(std::vector<Replica>& replicas, const SyncScope& scope) {
  average(replicas, &Replica::values);
  if (scope.momentum == MomentumSync::kAverage) average(replicas, &Replica::momentum);
  if (scope.momentum == MomentumSync::kReset) {
    for (Replica& replica : replicas) replica.momentum.assign(replica.momentum.size(), 0.0);
  }
  if (scope.batch_norm == BatchNormPolicy::kAverage) average(replicas, &Replica::buffers);
}

// The definitions: a step of SGD (PyTorch's convention) or SlowMo's (Wang et al. 2020, algorithm 1) with minus the way
// as the gradient. rate: the learning rate at the round's start.
void outer_update(Replica& replica, const OuterConfig& config, double rate) {
  std::vector<double> way(replica.values.size());
  for (std::size_t i = 0; i < way.size(); ++i) way[i] = replica.round_start[i] - replica.values[i];
  replica.values = replica.round_start;
  if (config.kind == Outer::kSlowMo) {
    for (double& value : way) value /= rate;
  }
  const double lr = config.kind == Outer::kSlowMo ? config.lr * rate : config.lr;
  reference::sgd_update<double>(
      {.lr = lr, .momentum = config.momentum, .weight_decay = 0, .nesterov = config.kind == Outer::kNesterov}, way,
      replica.outer_momentum, replica.values);
}

void update(Replica& replica, const OptimizerConfig& config, double lr, std::size_t decayed) {
  std::vector<double> gradients = replica.gradients;
  if (config.clip_grad_norm > 0) {
    const double scale = reference::clip_scale(gradients, config.clip_grad_norm);
    for (double& value : gradients) value *= scale;
  }
  const auto part = [&](std::size_t first, std::size_t last, double weight_decay) {
    reference::sgd_update<double>(
        {.lr = lr, .momentum = config.momentum, .weight_decay = weight_decay, .nesterov = config.nesterov},
        std::span<const double>(gradients).subspan(first, last - first),
        std::span<double>(replica.momentum).subspan(first, last - first),
        std::span<double>(replica.values).subspan(first, last - first));
  };
  part(0, decayed, config.weight_decay);
  part(decayed, replica.values.size(), config.decay_norm_and_bias ? config.weight_decay : 0);
}

std::array<double, 3> widened(const std::array<float, 3>& x) {
  return {x[0], x[1], x[2]};
}

// The loss of worker k at `step`; its gradients are filled.
double compute(const ReferenceResNet& net, Replica& replica, const DataSource& data, const Batch& batch,
               double label_smoothing) {
  const auto n = static_cast<std::int64_t>(batch.labels.size());
  const Shape image = data.train->image_shape();
  const Array pixels(Shape{n, image[0], image[1], image[2]},
                     std::vector<double>(batch.images.begin(), batch.images.end()));
  const Array labels(Shape{n}, std::vector<double>(batch.labels.begin(), batch.labels.end()));
  const Array x = reference::augment(pixels, batch.crops, kCropPad, widened(data.normalisation.mean),
                                     widened(data.normalisation.std));
  return net.forward_backward(replica, x, labels, label_smoothing);
}

std::vector<double> widened(std::span<const float> values) {
  return {values.begin(), values.end()};
}

}  // namespace

Simulation simulate(const TrainConfig& config, const DataSource& data, const ParameterSet& start) {
  const Sampler sampler({.sampling = config.data.sampling,
                         .seed = config.seed,
                         .dataset_size = data.train->size(),
                         .workers = config.sync.workers,
                         .local_batch = config.sync.local_batch});
  const Schedule schedule = make_schedule(config, sampler.steps_per_epoch());
  const ReferenceResNet net(config.model, start);
  const auto size = start.values().size();
  Simulation run;
  run.replicas.assign(static_cast<std::size_t>(config.sync.workers), {.values = widened(start.values()),
                                                                      .gradients = std::vector<double>(size),
                                                                      .momentum = std::vector<double>(size),
                                                                      .buffers = widened(start.buffers()),
                                                                      .outer_momentum = std::vector<double>(size)});

  Batch batch;
  double round_rate = 0;
  Sync before = Sync::kGradients;
  for (Step step = 0; step < schedule.total_steps; ++step) {
    if (before != Sync::kNone) {  // they are equal: a round may begin
      round_rate = schedule.lr.at(step);
      for (Replica& replica : run.replicas) replica.round_start = replica.values;
    }
    double loss = 0;
    for (int k = 0; k < config.sync.workers; ++k) {
      const LoaderConfig loading{.worker = k,
                                 .augmentation = config.data.augmentation,
                                 .label_noise = static_cast<float>(config.data.label_noise)};
      testing::prepare_batch(*data.train, sampler, loading, step, batch);
      Replica& replica = run.replicas[static_cast<std::size_t>(k)];
      loss += compute(net, replica, data, batch, config.data.label_smoothing) / config.sync.workers;
    }
    run.losses.push_back(loss);
    const Sync sync = sync_at(config.sync, step, schedule.total_steps);
    if (sync == Sync::kGradients) average(run.replicas, &Replica::gradients);
    for (Replica& replica : run.replicas) {
      update(replica, config.optimizer, schedule.lr.at(step), static_cast<std::size_t>(start.decayed_count()));
    }
    before = sync;
    if (sync != Sync::kParameters) continue;
    end_round(run.replicas, config.sync.scope);
    if (config.sync.outer.kind == Outer::kNone) continue;
    for (Replica& replica : run.replicas) outer_update(replica, config.sync.outer, round_rate);
  }
  return run;
}

}  // namespace drift::sim
