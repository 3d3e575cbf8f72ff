// What one process needs of its device's memory, as far as a config alone decides it.
#pragma once

#include <cstdint>
#include <optional>

#include "comm/team.h"
#include "train/config/config.h"
#include "train/lanes.h"
#include "train/step/step_memory.h"

namespace drift {

struct MemoryNeed {  // in bytes
  int replicas = 0, lanes = 0;
  StepMemory step = {};
  std::int64_t more_arenas = 0;        // of a replica, beside those of its parameters
  std::int64_t averaged_model = 0;     // that evaluations look at
  std::int64_t telemetry = 0;          // the mean of the round before
  std::optional<std::int64_t> images;  // that lie on a GPU, all of them; 0: none; nothing: not known without them

  std::int64_t total() const {
    return step.of(replicas, lanes) + replicas * more_arenas + averaged_model + telemetry + images.value_or(0);
  }  // of what is known
};

// replica: the parameters of one. image: [H,W,3]. images: as in MemoryNeed.
MemoryNeed memory_need(const TrainConfig& config, const ParameterSet& replica, const Team& team,
                       const ThreadLayout& layout, DeviceType device, const Shape& image,
                       std::optional<std::int64_t> images);

}  // namespace drift
