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
struct WorkerState {
  std::vector<float> values, momentum, buffers;

  bool operator==(const WorkerState&) const = default;
};

Digest write_worker_state(const std::filesystem::path& path, int worker, std::int64_t step, const WorkerState& state);

// Reads all of `file`; throws kCheckpoint when it is not this worker's at this step. Damage inside the arenas is the
// caller's to find, by the file's digest.
WorkerState read_worker_state(InputFile& file, int worker, std::int64_t step);

}  // namespace drift
