// Checkpoints. A directory <run>/ckpt/step-<n>/ holds model.safetensors (the averaged model, PyTorch's names and layouts, for other
// tools), worker-<k>.state for each worker (its value, momentum and buffer arenas, checksummed) and meta.json (step, config, layout;
// written last). It is written beside its place, every file fsynced, then renamed: a directory that exists is complete.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/parameter_set.h"
#include "train/config.h"

namespace drift {

struct WorkerState {
  std::vector<float> values, momentum, buffers;
};

struct CheckpointMeta {
  Step step = 0;             // steps done
  int workers = 1;
  std::string config_toml;   // the resolved config of the run that wrote it
  std::string model;         // name and options, e.g. "resnet56 norm=batch classes=10"
};

struct Checkpoint {
  CheckpointMeta meta;
  std::vector<WorkerState> workers;
};

// Returns the directory written. Keeps the newest `keep` (0: all) and removes older ones only after the new one is in place.
// `model` are the averaged parameters, in a set of the same model.
std::filesystem::path write_checkpoint(const std::filesystem::path& ckpt_directory, const Checkpoint& checkpoint,
                                       const ParameterSet& model, int keep);

// `path`: a step directory, a ckpt directory or a run directory (then its newest). Throws kCheckpoint naming file and finding for
// what is missing, truncated, corrupt or foreign.
Checkpoint read_checkpoint(const std::filesystem::path& path);

// safetensors, PyTorch's names and layouts ([O,I,k,k] for convolutions). Reading ignores "*.num_batches_tracked" and an optional
// "module." prefix; any other missing, unknown or wrongly shaped tensor is an error that lists the first few.
void write_weights(const std::filesystem::path& path, const ParameterSet& model);
void read_weights(const std::filesystem::path& path, const ParameterSet& model);

}  // namespace drift
