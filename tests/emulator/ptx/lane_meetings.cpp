#include "tests/emulator/ptx/lane_meetings.h"

#include <algorithm>
#include <array>

namespace drift::emulator::ptx {

void LaneMeetings::meet(u32 warp, u32 mask, u32 now) {
  if (times_.empty()) times_.resize(std::size_t{warps_} * 32 * 32);
  u32* const rows = &times_[std::size_t{warp} * 32 * 32];
  std::array<u32, 32> known = {};  // what any of them knew, all know now
  for (u32 lane = 0; lane < 32; ++lane) {
    if ((mask >> lane & 1) == 0) continue;
    for (u32 other = 0; other < 32; ++other) known[other] = std::max(known[other], rows[lane * 32 + other]);
  }
  for (u32 lane = 0; lane < 32; ++lane) {
    if ((mask >> lane & 1) != 0) known[lane] = now;
  }
  for (u32 lane = 0; lane < 32; ++lane) {
    if ((mask >> lane & 1) != 0) std::copy(known.begin(), known.end(), rows + lane * 32);
  }
}

}  // namespace drift::emulator::ptx
