// Replicas: the K workers of a run and what they share: the order of samples and, on a GPU, the training images. Here
// the state of all of them is taken and set while none of them computes.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "train/checkpoint/replica_state.h"
#include "train/step/worker.h"

namespace drift {

class Replicas {
 public:
  // `data` must outlive them. Workers start from the seed's initialisation.
  Replicas(const TrainConfig& config, const DataSource& data, Device device, int threads_per_worker);

  int size() const { return static_cast<int>(workers_.size()); }
  Worker& worker(int k) const { return *workers_.at(static_cast<std::size_t>(k)); }
  const ParameterSet& parameters(int k) const { return worker(k).parameters(); }
  const Sampler& sampler() const { return sampler_; }
  // The training images on the device, or nullptr.
  const ResidentImages* images() const { return images_ ? &*images_ : nullptr; }

  std::vector<ReplicaState> states() const;
  // One for each worker, of the sizes of its arenas.
  void restore(const std::vector<ReplicaState>& states);
  // safetensors, into every worker; their momentum becomes zero.
  void load_weights(const std::filesystem::path& path);

  // Of all workers, by kind of operation, where MachineConfig::op_times asked for it.
  std::map<std::string, OpTime> op_times() const;

 private:
  Sampler sampler_;
  std::optional<ResidentImages> images_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace drift
