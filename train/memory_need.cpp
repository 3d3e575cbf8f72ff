#include "train/memory_need.h"

#include "engine/optim/delayed_average.h"
#include "engine/optim/outer.h"

namespace drift {

std::int64_t outer_bytes(const SyncConfig& config, const ParameterSet& replica) {
  return config.outer.kind == Outer::kNone ? 0 : OuterOptimizer::bytes(replica);
}

MemoryNeed memory_need(const TrainConfig& config, const ParameterSet& replica, const Team& team,
                       const ThreadLayout& layout, DeviceType device, const Shape& image,
                       std::optional<std::int64_t> images) {
  return {.replicas = team.local_workers(),
          .lanes = layout.lanes,
          .step = step_memory({.model = config.model,
                               .batch = config.sync.local_batch,
                               .image = image,
                               .precision = config.machine.precision,
                               .device = device,
                               .images_travel = images == 0,
                               .convolutions = config.machine.convolutions,
                               .threads = layout.threads_per_worker}),
          .outer =
              outer_bytes(config.sync, replica) + (config.sync.fragment_delay > 0 ? DelayedAverage::bytes(replica) : 0),
          .averaged_model = static_cast<std::int64_t>(replica.values().size_bytes() + replica.buffers().size_bytes()),
          .telemetry = config.sync.measures_rounds() ? static_cast<std::int64_t>(replica.values().size_bytes()) : 0,
          .images = images};
}

}  // namespace drift
