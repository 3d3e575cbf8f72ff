#include "train/memory_need.h"

namespace drift {

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
          .more_arenas = config.sync.more_arenas() * static_cast<std::int64_t>(replica.values().size_bytes()),
          .averaged_model = static_cast<std::int64_t>(replica.values().size_bytes() + replica.buffers().size_bytes()),
          .telemetry = config.sync.measures_rounds() ? static_cast<std::int64_t>(replica.values().size_bytes()) : 0,
          .images = images};
}

}  // namespace drift
