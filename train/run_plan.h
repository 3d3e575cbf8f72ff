// RunPlan: what a run will do and need, before anything is trained: counted from the schedule, the sampler and the
// arenas that training itself uses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "train/memory_need.h"
#include "train/schedule/outline.h"

namespace drift {

struct RunPlan {
  std::int64_t parameters = 0;                    // of the network
  std::optional<std::int64_t> train_images = {};  // to train on; nothing: not known, and not needed
  std::int64_t held_out = 0;                      // training images
  Team team;
  Schedule schedule;
  std::vector<Phase> phases = {};
  std::vector<RateAt> rates = {};
  double images_seen = 0;
  double bytes = 0;                               // sent by all workers, as records and the summary of a run count them
  double bytes_of_sgd = 0;                        // the same if gradients were averaged at every step
  std::int64_t evaluations = 0, checkpoints = 0;  // by --eval-every and --checkpoint-every, and at the end
  double checkpoint_bytes = 0;                    // of each, but for the heads of its files
  DeviceType device = DeviceType::kCpu;
  MemoryNeed memory = {};     // of each process
  std::string obstacle = {};  // why so many processes would not begin; or ""
};

// data: nullptr where it is not there; --train-images or --steps-per-epoch then say what must be known of it. The
// device need not be there either. Throws, as training would, kConfig for what contradicts itself, a team that cannot
// be and data that does not fit.
RunPlan plan_run(const TrainConfig& config, const DataSource* data, int processes);

}  // namespace drift
