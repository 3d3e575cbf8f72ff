// Checkpoints. A directory <run>/ckpt/step-<n>/ holds model.safetensors (the averaged model, PyTorch's names and
// layouts, for other tools), worker-<k>.state for each worker (its value, momentum and buffer arenas) and meta.json
// (step, config, size and checksum of each file and of itself; written last). It is written beside its place, every
// file fsynced, then renamed: a directory that exists is complete, and a crash at any moment leaves the older ones as
// they were. Each process of a team writes and reads the states of its own workers; process 0 does the rest, once the
// others' files are durable. A checkpoint says nothing of processes: any number that fits the workers goes on from it.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "comm/membership.h"
#include "core/checked_file.h"
#include "core/step.h"
#include "engine/parameter_set.h"
#include "kernels/backend.h"
#include "train/checkpoint/replica_state.h"
#include "train/checkpoint/weight_file.h"

namespace drift {

struct CheckpointMeta {
  Step step = 0;             // steps done
  int workers = 1;           // K
  std::string config_toml;   // the resolved config of the run that wrote it
  std::string model;         // name and options, e.g. "resnet56 norm=batch classes=10"
  bool provisional = false;  // written in haste: its model has other batch-norm statistics than the run would give it
  Step steps_per_epoch = 0;  // 0: not known, as in what follows; earlier versions did not say
  std::string data = {};     // data/fingerprint.h
  std::map<std::string, std::string> conditions = {};  // train/conditions.h

  bool operator==(const CheckpointMeta&) const = default;
};

struct Checkpoint {
  CheckpointMeta meta;
  std::vector<ReplicaState> workers;  // of one process
};

// Where the checkpoint of a step is.
std::filesystem::path checkpoint_directory(const std::filesystem::path& ckpt_directory, Step step);

// Returns the directory written; one of the same step is replaced. Once it is in place, older steps are removed so that
// `keep` checkpoints (0: all) remain, this one included; later steps are not touched. `model` is the averaged one. All
// processes of the team call it, with the states of their workers; throws kComm, naming the process, where step or
// model differ.
std::filesystem::path write_checkpoint(const std::filesystem::path& ckpt_directory, const Checkpoint& checkpoint,
                                       const Membership& membership, const Model& model, Backend& backend, int keep);

// Renames, to step-<n>.superseded, what lies beyond the step that a run goes on from: that is of another course now,
// and the newest must be the one that was written last.
void set_aside_later(const std::filesystem::path& ckpt_directory, Step step);

// In order of steps: all that `path` stands for. It is one of them, a directory of them, or a run's, which has ckpt and
// best; of two of a step that in ckpt comes last.
std::vector<std::filesystem::path> checkpoints_in(const std::filesystem::path& path);

// The step directory that `path` stands for: the last of checkpoints_in(). Throws kCheckpoint where there is none.
std::filesystem::path find_checkpoint(const std::filesystem::path& path);

// A text that is equal where parameters and buffers have the same bits.
std::string fingerprint(const ParameterSet& model, Backend& backend);

struct FoundCheckpoint {
  std::filesystem::path directory;
  CheckpointMeta meta;
  Digest digest;  // of meta.json, which has those of all files: two that are equal are the same checkpoint
};
// `path`: as for find_checkpoint. Reads no more than meta.json. Throws kCheckpoint naming file and finding for what is
// missing, truncated, corrupt or foreign, and the next older checkpoint, if there is one: which to use instead is the
// user's choice.
FoundCheckpoint look_at_checkpoint(const std::filesystem::path& path);

// With the states of the process's workers; process 0 looks whether the model is sound, too. Throws as above.
Checkpoint read_checkpoint(const std::filesystem::path& path, const Team& team);
Checkpoint read_checkpoint(const std::filesystem::path& path);  // with those of all workers

// Its model.safetensors, found sound. Throws as above.
std::filesystem::path sound_model_file(const FoundCheckpoint& checkpoint);

// Throws kCheckpoint unless it can continue this process's part of a run of the team's workers, with `model` (as in
// CheckpointMeta) and these arenas.
void check_fits(const Checkpoint& checkpoint, std::string_view model, const Team& team, const ParameterSet& parameters);

}  // namespace drift
