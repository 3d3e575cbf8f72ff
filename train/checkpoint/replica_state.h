// One worker's file in a checkpoint: a fixed header (magic, version, worker, step, floats per arena), then the arenas
// as they lie in memory. It has no checksum of its own: the checkpoint's meta.json has one for each whole file, so that
// a sound file of another checkpoint is found out too.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "core/checked_file.h"

namespace drift {

// The arenas of a replica (ParameterSet), on the host.
struct ReplicaState {
  std::vector<float> values, momentum, buffers;

  bool operator==(const ReplicaState&) const = default;
};

Digest write_replica_state(const std::filesystem::path& path, int worker, std::int64_t step, const ReplicaState& state);

// Reads all of `file`; throws kCheckpoint when it is not this worker's at this step. Damage inside the arenas is the
// caller's to find, by the file's digest.
ReplicaState read_replica_state(InputFile& file, int worker, std::int64_t step);

}  // namespace drift
