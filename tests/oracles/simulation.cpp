#include "tests/oracles/simulation.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "tests/reference/augment.h"
#include "tests/reference/sgd.h"
#include "tests/support/prepare_batch.h"

namespace drift::sim {
namespace {

using reference::Array;

// What is averaged when is written from the definition, not from SyncPlan.

// Elements [begin, end) of the arenas, and whether a round ends with them.
struct Part {
  std::size_t begin = 0, end = 0;
  bool last = false;
};

// Of a round of some steps, the parts that are averaged behind its first `done` steps: of F the f-th once a share of
// (f + 1) / F of them is done. They begin on cache lines of 16 floats.
std::vector<Part> parts_behind(Step done, Step steps, int fragments, std::size_t size) {
  const auto begin = [&](int f) {
    return f == fragments ? size : size * static_cast<std::size_t>(f) / static_cast<std::size_t>(fragments) / 16 * 16;
  };
  std::vector<Part> parts;
  for (int f = 0; f < fragments; ++f) {
    if (((f + 1) * steps + fragments - 1) / fragments == done)
      parts.push_back({begin(f), begin(f + 1), f + 1 == fragments});
  }
  return parts;
}

void average(std::vector<Replica>& replicas, std::vector<double> Replica::*arena, std::size_t begin, std::size_t end) {
  std::vector<std::vector<double>> parts;
  for (const Replica& replica : replicas) {
    const auto first = (replica.*arena).begin();
    parts.emplace_back(first + static_cast<std::ptrdiff_t>(begin), first + static_cast<std::ptrdiff_t>(end));
  }
  const std::vector<double> mean = reference::tree_average(std::move(parts));
  for (Replica& replica : replicas) {
    std::ranges::copy(mean, (replica.*arena).begin() + static_cast<std::ptrdiff_t>(begin));
  }
}

void average(std::vector<Replica>& replicas, std::vector<double> Replica::*arena) {
  average(replicas, arena, 0, (replicas.front().*arena).size());
}

void average_part(std::vector<Replica>& replicas, const SyncScope& scope, const Part& part) {
  average(replicas, &Replica::values, part.begin, part.end);
  if (scope.momentum == MomentumSync::kAverage) average(replicas, &Replica::momentum, part.begin, part.end);
  if (scope.momentum == MomentumSync::kReset) {
    for (Replica& replica : replicas) {
      std::fill(replica.momentum.begin() + static_cast<std::ptrdiff_t>(part.begin),
                replica.momentum.begin() + static_cast<std::ptrdiff_t>(part.end), 0.0);
    }
  }
  if (part.last && scope.batch_norm == BatchNormPolicy::kAverage) average(replicas, &Replica::buffers);
}

void average_nodes(std::vector<Replica>& replicas, const SyncConfig& sync) {
  const auto size = static_cast<std::size_t>(sync.node_workers);
  for (std::size_t first = 0; first < replicas.size(); first += size) {
    std::vector<Replica> node(replicas.begin() + static_cast<std::ptrdiff_t>(first),
                              replicas.begin() + static_cast<std::ptrdiff_t>(first + size));
    average_part(node, sync.scope, {0, node.front().values.size(), /*last=*/false});
    std::ranges::move(node, replicas.begin() + static_cast<std::ptrdiff_t>(first));
  }
}

// An average that was begun behind one step and is mixed in behind `due`.
struct OnItsWay {
  Part part;
  std::vector<double> mean;
  Step due = 0;
};

OnItsWay send(std::vector<Replica>& replicas, const Part& part, Step due) {
  std::vector<std::vector<double>> parts;
  for (Replica& replica : replicas) {
    const std::span<double> values = std::span(replica.values).subspan(part.begin, part.end - part.begin);
    replica.sent.assign(values.begin(), values.end());
    parts.push_back(replica.sent);
  }
  return {part, reference::tree_average(std::move(parts)), due};
}

void mix(std::vector<Replica>& replicas, const OnItsWay& average) {
  for (Replica& replica : replicas) {
    for (std::size_t i = 0; i < average.mean.size(); ++i) {
      replica.values[average.part.begin + i] += average.mean[i] - replica.sent[i];
    }
  }
}

// rate: the learning rate of the round.
void outer_update(Replica& replica, const OuterConfig& config, double rate, const Part& part) {
  const auto of = [&](std::vector<double>& arena) {
    return std::span(arena).subspan(part.begin, part.end - part.begin);
  };
  const std::span<double> values = of(replica.values), start = of(replica.round_start);
  std::vector<double> way(values.size());
  for (std::size_t i = 0; i < way.size(); ++i) way[i] = start[i] - values[i];
  std::ranges::copy(start, values.begin());
  if (config.kind == Outer::kSlowMo) {
    for (double& value : way) value /= rate;
  }
  const double lr = config.kind == Outer::kSlowMo ? config.lr * rate : config.lr;
  reference::sgd_update<double>(
      {.lr = lr, .momentum = config.momentum, .weight_decay = 0, .nesterov = config.kind == Outer::kNesterov}, way,
      of(replica.outer_momentum), values);
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

  const SyncConfig& sync = config.sync;
  const Step switch_step = sync.algorithm == Algorithm::kSgd ? schedule.total_steps : sync.switch_step.value_or(0);
  const Step period = sync.has_levels() ? sync.periods_by_level[0] * sync.periods_by_level[1] : sync.periods[0];
  const Step in_last_round = (schedule.total_steps - switch_step) % period;
  const Step last = schedule.total_steps - (sync.final_average ? 0 : in_last_round);  // average of all
  std::optional<OnItsWay> on_its_way;
  Batch batch;
  for (Step step = 0; step < schedule.total_steps; ++step) {
    double loss = 0;
    for (int k = 0; k < sync.workers; ++k) {
      const LoaderConfig loading{.worker = k,
                                 .augmentation = config.data.augmentation,
                                 .label_noise = static_cast<float>(config.data.label_noise)};
      testing::prepare_batch(*data.train, sampler, loading, step, batch);
      Replica& replica = run.replicas[static_cast<std::size_t>(k)];
      loss += compute(net, replica, data, batch, config.data.label_smoothing) / sync.workers;
    }
    run.losses.push_back(loss);
    if (step < switch_step) average(run.replicas, &Replica::gradients);
    for (Replica& replica : run.replicas) {
      if (step == switch_step) replica.round_start = replica.values;
      update(replica, config.optimizer, schedule.lr.at(step), static_cast<std::size_t>(start.decayed_count()));
    }
    if (step < switch_step) continue;
    if (on_its_way && on_its_way->due == step) {
      mix(run.replicas, *std::exchange(on_its_way, std::nullopt));
    }
    const Step first = step - (step - switch_step) % period, left = schedule.total_steps - first;
    if (left < period && !sync.final_average) continue;
    const Step steps = std::min(period, left);
    if (sync.has_levels() && step + 1 - first < steps && (step + 1 - first) % sync.periods_by_level[0] == 0) {
      average_nodes(run.replicas, sync);
    }
    for (const Part& part : parts_behind(step - first + 1, steps, sync.fragments, size)) {
      if (on_its_way) mix(run.replicas, *std::exchange(on_its_way, std::nullopt));
      if (sync.fragment_delay > 0 && step + 1 < last) {
        on_its_way = send(run.replicas, part, step + sync.fragment_delay);
        continue;
      }
      average_part(run.replicas, sync.scope, part);
      for (Replica& replica : run.replicas) {
        if (sync.outer.kind != Outer::kNone) outer_update(replica, sync.outer, schedule.lr.at(first), part);
        std::copy(replica.values.begin() + static_cast<std::ptrdiff_t>(part.begin),
                  replica.values.begin() + static_cast<std::ptrdiff_t>(part.end),
                  replica.round_start.begin() + static_cast<std::ptrdiff_t>(part.begin));
      }
    }
  }
  return run;
}

}  // namespace drift::sim
