// A trace of a profile for Perfetto (ui.perfetto.dev) and chrome://tracing, in Chrome's format of JSON events: a
// process for each process, a thread for each worker, and one for averages in the background. Slices lie inside each
// other: the step, named after its kind so that kinds have colours, its parts, its operations.
//
// All times are by the clock of process 0. The others' are aligned by the waits of their steps, which end for all at
// the same moment. Sessions follow each other.
#pragma once

#include <functional>
#include <string_view>

#include "analysis/ledger/profile.h"

namespace drift {

// What to add to a process's times for them to be process 0's, at each of the profile's steps; nanoseconds.
std::vector<Nanoseconds> clock_offsets(const Profile& profile);

// Calls `write` with pieces of the file.
void write_trace(const Profile& profile, const std::function<void(std::string_view)>& write);

}  // namespace drift
