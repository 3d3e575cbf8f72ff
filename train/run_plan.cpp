#include "train/run_plan.h"

#include <algorithm>

#include "comm/collective.h"
#include "core/check.h"
#include "models/dry_model.h"
#include "train/replicas.h"
#include "train/sampling.h"
#include "train/schedule/recurring_event.h"
#include "train/step/averaged_arenas.h"

namespace drift {
namespace {

// Training images.
struct ImageCounts {
  std::int64_t trained_on = 0, held_out = 0;
};

// Nothing where nobody says how many there are.
std::optional<ImageCounts> count_images(const DataConfig& config, const DataSource* data) {
  if (data != nullptr) return ImageCounts{data->train->size(), data->validation ? data->validation->size() : 0};
  if (config.train_images == 0) return std::nullopt;
  const std::int64_t held_out = held_out_images(config, config.train_images);
  return ImageCounts{config.train_images - held_out, held_out};
}

std::int64_t steps_per_epoch(const TrainConfig& config, const std::optional<ImageCounts>& images) {
  if (images) return make_sampler(config, images->trained_on, images->held_out).steps_per_epoch();
  DRIFT_CHECK(kConfig, config.length.steps_per_epoch > 0,
              "how many training images has --data {}? Give --train-images N, or --steps-per-epoch", config.data.spec);
  return config.length.steps_per_epoch;
}

DeviceType device_type(const std::string& asked) {
  if (asked == "auto") return default_device().type;
  return asked == "cpu" ? DeviceType::kCpu : DeviceType::kCuda;
}

std::optional<std::int64_t> images_on(DeviceType device, const TrainConfig& config, const DataSource* data) {
  if (device == DeviceType::kCpu || has_image_files(config.data.spec)) return 0;
  return data == nullptr ? std::nullopt : std::optional(resident_bytes(config, *data->train));
}

// CIFAR's where there are no files to decode: all other data is always there.
Shape image_of(const DataConfig& config, const DataSource* data) {
  if (data != nullptr) return data->train->image_shape();
  constexpr std::int64_t kCifar = 32;
  const std::int64_t side = has_image_files(config.spec) ? output_sizes(config.images).side : kCifar;
  return {side, side, 3};
}

std::string obstacle_to(DeviceType device, int workers) {
  try {
    check_share_device({.type = device}, workers);
    return "";
  } catch (const Error& error) {
    return error.message();
  }
}

void count_bytes(const TrainConfig& config, const ParameterSet& replica, RunPlan& plan) {
  const int workers = config.sync.workers;
  const auto sent = [&](std::span<const float> arena, DType wire, std::int64_t averages) {
    const std::int64_t once = bytes_on_wire(Collective::kAllReduceMean, std::ssize(arena), workers, wire);
    return static_cast<double>(workers) * static_cast<double>(once) * static_cast<double>(averages);
  };
  plan.bytes_of_sgd = sent(replica.gradients(), DType::kFloat32, plan.schedule.total_steps);
  for (const Phase& phase : plan.phases) {
    if (phase.sync == Sync::kGradients) {
      plan.bytes += sent(replica.gradients(), config.sync.wire.type, phase.averages);
      continue;
    }
    const int fragments = config.sync.fragments;
    for (int f = 0; f < fragments; ++f) {
      const Sync sync = f + 1 == fragments ? Sync::kParameters : Sync::kFragment;
      const ArenaRange range = range_of({f, f + 1}, fragments, replica);
      for (const AveragedArena& arena : averaged_arenas(replica, config.sync, sync, range)) {
        plan.bytes += sent(arena.values, arena.wire, phase.averages);
      }
    }
  }
}

// Its files have the state of each worker and the averaged model (train/checkpoint/).
double checkpoint_bytes(const ParameterSet& replica, const SyncConfig& sync) {
  const auto bytes = [](std::span<const float> arena) { return static_cast<double>(arena.size_bytes()); };
  const double model = bytes(replica.values()) + bytes(replica.buffers());
  const double more = sync.more_arenas_kept() * bytes(replica.values());
  return sync.workers * (model + bytes(replica.momentum()) + more) + model;
}

}  // namespace

RunPlan plan_run(const TrainConfig& config, const DataSource* data, int processes) {
  check(config.checkpoints, config.data.val_split);
  const Team team{.workers = config.sync.workers, .processes = processes};
  check(team);
  check(config.processes, config.sync, team.local_workers());
  if (data != nullptr) check_classes(config.model, *data);
  const std::optional<ImageCounts> images = count_images(config.data, data);
  RunPlan plan{.team = team, .schedule = make_schedule(config, steps_per_epoch(config, images))};
  if (images) plan.train_images = images->trained_on;
  if (images) plan.held_out = images->held_out;
  plan.phases = phases_of(plan.schedule);
  plan.rates = rates_of(plan.schedule);
  const Step steps = plan.schedule.total_steps, epoch = plan.schedule.steps_per_epoch;
  plan.images_seen = static_cast<double>(steps) * static_cast<double>(config.sync.global_batch());
  plan.evaluations = RecurringEvent(config.evaluation.every, epoch, steps).count();
  plan.checkpoints = RecurringEvent(config.checkpoints.every, epoch, steps).count();

  const std::unique_ptr<Model> model = make_dry_model(config.model);
  plan.parameters = model->parameters.parameter_count();
  count_bytes(config, model->parameters, plan);
  plan.checkpoint_bytes = checkpoint_bytes(model->parameters, config.sync);
  plan.device = device_type(config.machine.device);
  const int workers = plan.team.local_workers();
  plan.obstacle = obstacle_to(plan.device, workers);
  // As drift launch would start them, beside each other on this machine.
  const int cores = std::max(1, cpu_features().cores / processes);
  plan.memory =
      memory_need(config, model->parameters, plan.team, share_device(plan.device, workers, config.machine, cores),
                  plan.device, image_of(config.data, data), images_on(plan.device, config, data));
  return plan;
}

}  // namespace drift
