#include "train/checkpoint/mean_state.h"

#include <algorithm>
#include <span>

#include "core/check.h"
#include "train/checkpoint/checkpoint.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

// Of one arena of all workers, as they come.
class MeanArena {
 public:
  void add(std::span<const float> arena, const fs::path& directory) {
    if (sums_.empty()) sums_.resize(arena.size());
    DRIFT_CHECK(kCheckpoint, sums_.size() == arena.size(), "{}: its workers have arenas of {} and {} floats",
                directory.string(), sums_.size(), arena.size());
    for (std::size_t i = 0; i < arena.size(); ++i) sums_[i] += static_cast<double>(arena[i]);
  }
  std::vector<float> mean(int workers) const {
    std::vector<float> mean(sums_.size());
    std::ranges::transform(sums_, mean.begin(), [&](double sum) { return static_cast<float>(sum / workers); });
    return mean;
  }

 private:
  std::vector<double> sums_;
};

}  // namespace

// One worker at a time, as if each had a process of its own.
ReplicaState read_mean_state(const fs::path& path) {
  const FoundCheckpoint found = look_at_checkpoint(path);
  const int workers = found.meta.workers;
  MeanArena values, momentum, buffers;
  for (int worker = 0; worker < workers; ++worker) {
    const Team alone = {.workers = workers, .processes = workers, .process = worker};
    const ReplicaState state = read_checkpoint(found.directory, alone).workers.front();
    values.add(state.values, found.directory);
    momentum.add(state.momentum, found.directory);
    buffers.add(state.buffers, found.directory);
  }
  return {.values = values.mean(workers), .momentum = momentum.mean(workers), .buffers = buffers.mean(workers)};
}

}  // namespace drift
