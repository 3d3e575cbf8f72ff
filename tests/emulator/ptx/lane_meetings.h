// When the lanes of each warp last met at a __syncwarp, directly or through others: a vector clock for every lane.
// There is nothing to look up before the first meeting.
#pragma once

#include <vector>

#include "tests/emulator/ptx/types.h"

namespace drift::emulator::ptx {

class LaneMeetings {
 public:
  void resize(u32 threads) {
    warps_ = (threads + 31) / 32;
    times_.clear();
  }
  void meet(u32 warp, u32 mask, u32 now);

  // What `lane` of its warp did before this time is ordered before what the thread does now; 0: nothing is. With the
  // thread's own lane: when it last met anybody.
  u32 last(u32 thread, u32 lane) const { return times_.empty() ? 0 : times_[thread * 32 + lane]; }

 private:
  u32 warps_ = 0;
  std::vector<u32> times_;  // [thread][lane of the same warp]
};

}  // namespace drift::emulator::ptx
