// Checkpoints. A directory <run>/ckpt/step-<n>/ holds model.safetensors (the averaged model, PyTorch's names and
// layouts, for other tools), worker-<k>.state for each worker (its value, momentum and buffer arenas) and meta.json
// (step, config, size and checksum of each file and of itself; written last). It is written beside its place, every
// file fsynced, then renamed: a directory that exists is complete, and a crash at any moment leaves the older ones as
// they were.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/step.h"
#include "engine/parameter_set.h"
#include "kernels/backend.h"
#include "train/checkpoint/replica_state.h"
#include "train/checkpoint/weight_file.h"

namespace drift {

struct CheckpointMeta {
  Step step = 0;            // steps done
  int workers = 1;          // K
  std::string config_toml;  // the resolved config of the run that wrote it
  std::string model;        // name and options, e.g. "resnet56 norm=batch classes=10"

  bool operator==(const CheckpointMeta&) const = default;
};

struct Checkpoint {
  CheckpointMeta meta;
  std::vector<ReplicaState> workers;
};

// Returns the directory written; one of the same step is replaced. Once it is in place, older steps are removed so that
// `keep` checkpoints (0: all) remain, this one included; later steps, left by a run that was continued from before
// them, are not touched. `model` are the averaged parameters, in a set of the same model.
std::filesystem::path write_checkpoint(const std::filesystem::path& ckpt_directory, const Checkpoint& checkpoint,
                                       const ParameterSet& model, Backend& backend, int keep);

// The one with the most steps in a ckpt directory; nothing where there is none.
std::optional<std::filesystem::path> newest_checkpoint(const std::filesystem::path& ckpt_directory);

// The step directory that `path` stands for: itself, or the newest one of a ckpt or run directory.
std::filesystem::path find_checkpoint(const std::filesystem::path& path);

// `path`: as for find_checkpoint. Throws kCheckpoint naming file and finding for what is missing, truncated, corrupt or
// foreign, and the next older checkpoint, if there is one: which to use instead is the user's choice.
Checkpoint read_checkpoint(const std::filesystem::path& path);

// Throws kCheckpoint unless it can continue a run of `workers` replicas of `model` (as in CheckpointMeta) with these
// arenas.
void check_fits(const Checkpoint& checkpoint, std::string_view model, int workers, const ParameterSet& parameters);

}  // namespace drift
