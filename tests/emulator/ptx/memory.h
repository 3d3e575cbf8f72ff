// Addresses of the device become pointers of this process, checked: allocation, alignment, space, races.
#pragma once

#include <string>

#include "tests/emulator/ptx/warp.h"

namespace drift::emulator::ptx {

// The address that a memory instruction's lane names.
inline u64 address_of(const Warp& warp, const Instruction& i, int lane) {
  u64 base = 0;
  if (i.a != kNone) base = i.address_bytes == 8 ? warp.lanes<u64>(i.a)[lane] : warp.lanes<u32>(i.a)[lane];
  return base + static_cast<u64>(i.immediate);
}

// Where the bytes lie; throws if the lane may not touch them. Natural alignment is demanded.
char* resolve(Warp& warp, const Instruction& instruction, int lane, Space space, u64 address, u32 bytes,
              MemoryAccess access);

// What remains of an access to shared memory that was not admitted: fine if lanes of a warp write the same value to one
// place; otherwise it throws.
void judge_shared_race(Warp& warp, const Instruction& i, int lane, std::size_t offset, u32 bytes, MemoryAccess kind);

// Throws if the access races with another thread's in shared memory or reads what was never written; records it
// otherwise.
inline void check_shared_race(Warp& warp, const Instruction& i, int lane, std::size_t offset, u32 bytes,
                              MemoryAccess access) {
  const MemoryAccess kind = i.strong ? MemoryAccess::kAtomic : access;
  if (!warp.block->races.admit(offset, bytes, warp.thread(lane), kind, access != MemoryAccess::kWrite)) {
    judge_shared_race(warp, i, lane, offset, bytes, kind);
  }
}

// The zero-terminated string at a generic address.
std::string read_string(Warp& warp, const Instruction& instruction, int lane, u64 address);

// The state space that an instruction names; fails for those there are none of here.
Space parse_space(const struct Statement& statement);

}  // namespace drift::emulator::ptx
