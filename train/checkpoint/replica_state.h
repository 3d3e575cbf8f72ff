// One worker's file in a checkpoint: a fixed header (magic, version, worker, step), the number of floats of each arena,
// then the arenas as they lie in memory. It has no checksum of its own: the checkpoint's meta.json has one for each
// whole file, so that a sound file of another checkpoint is found out too.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "core/checked_file.h"

namespace drift {

// The arenas of a replica (ParameterSet), on the host.
struct ReplicaState {
  std::vector<float> values, momentum, buffers;
  std::vector<float> round_start = {};     // empty: it was not kept
  std::vector<float> outer_momentum = {};  // OuterOptimizer's; empty: there is none
  std::vector<float> delayed = {};         // DelayedAverage's difference; empty: nothing is on its way
  std::vector<float> wire_error = {};      // Compression's; empty: nothing was left out

  bool operator==(const ReplicaState&) const = default;
};

// In the order of the file.
template <class State>
auto arenas_of(State& state) {
  return std::array{&state.values,         &state.momentum, &state.buffers,   &state.round_start,
                    &state.outer_momentum, &state.delayed,  &state.wire_error};
}

Digest write_replica_state(const std::filesystem::path& path, int worker, std::int64_t step, const ReplicaState& state);

// Reads all of `file`; throws kCheckpoint when it is not this worker's at this step. Damage inside the arenas is the
// caller's to find, by the file's digest.
ReplicaState read_replica_state(InputFile& file, int worker, std::int64_t step);

}  // namespace drift
