// Barriers of a block: bar.sync, barrier.sync and bar.red, with or without a thread count.
#pragma once

#include <vector>

#include "tests/emulator/ptx/warp.h"

namespace drift::emulator::ptx {

// Lets the threads go on that have all arrived at their barrier; throws if that is nobody (a deadlock).
void release_barriers(Block& block, std::vector<Warp>& warps);

}  // namespace drift::emulator::ptx
