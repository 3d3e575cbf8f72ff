// Runs one warp: the loop over instructions, divergence, and waiting for lanes.
#pragma once

#include "tests/emulator/ptx/warp.h"

namespace drift::emulator::ptx {

// Runs until every lane has exited or waits at a barrier, or until about `quantum` instructions have run.
void run_warp(Warp& warp, u64 quantum);

// Something is left that run_warp could do.
bool can_run(const Warp& warp);

}  // namespace drift::emulator::ptx
