// Replicas: the workers of this process and what they share: the order of samples, the threads that prepare batches
// and, on a GPU, the training images.
// Here the state of all of them is taken and set while none of them computes.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "comm/team.h"
#include "train/checkpoint/replica_state.h"
#include "train/lanes.h"
#include "train/step/worker.h"

namespace drift {

// Throws kConfig where a model would tell apart other classes than there are.
void check_classes(const ModelOptions& model, const DataSource& data);

// What training images fill on a GPU, where they are kept there if there is room; 0: those that are decoded, parts of
// which are cut out on the host, are not.
std::int64_t resident_bytes(const TrainConfig& config, const Dataset& images);

class Replicas {
 public:
  // `data` must outlive them. Workers start from the seed's initialisation; their arenas lie in memory of `source` if
  // one is given.
  Replicas(const TrainConfig& config, const DataSource& data, const Team& team, Device device,
           const ThreadLayout& threads, const std::shared_ptr<MemorySource>& source = nullptr);

  // By place among the workers of this process; Worker::id() is the number in the team.
  int size() const { return static_cast<int>(workers_.size()); }
  Worker& worker(int place) const { return *workers_.at(static_cast<std::size_t>(place)); }
  const ParameterSet& parameters(int place) const { return worker(place).parameters(); }
  std::vector<Stream*> streams() const;
  const Sampler& sampler() const { return sampler_; }
  // The threads that prepare batches, here and for whoever looks at these replicas.
  LoaderPool& loading() const { return *loading_; }
  // The training images on the device, or nullptr.
  const ResidentImages* images() const { return images_ ? &*images_ : nullptr; }

  std::vector<ReplicaState> states() const;
  // One for each worker, of the sizes of its arenas.
  void restore(std::span<const ReplicaState> states);
  // safetensors, into every worker; their momentum becomes zero, an outer one too.
  void load_weights(const std::filesystem::path& path);

  // Of all workers, by kind of operation, where MachineConfig::op_times asked for it.
  std::map<std::string, OpTime> op_times() const;

 private:
  Sampler sampler_;
  std::unique_ptr<LoaderPool> loading_;
  std::optional<ResidentImages> images_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace drift
