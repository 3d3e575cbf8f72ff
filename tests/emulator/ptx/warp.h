// The running state: a block (shared memory, barriers, options) and its warps (registers, groups of lanes).
// Handlers reach a register's 32 lanes by Warp::lanes and write only the lanes of their mask (map_lanes, each_lane).
#pragma once

#include <bit>
#include <memory>
#include <string>
#include <vector>

#include "tests/emulator/ptx/program.h"
#include "tests/emulator/ptx/ptx.h"
#include "tests/emulator/ptx/shared_races.h"

namespace drift::emulator::ptx {

struct Block {
  const Program* program = nullptr;
  Dim3 grid, size, index;
  u32 linear_index = 0;
  u32 threads = 0;
  std::vector<char> shared;
  const char* parameters = nullptr;
  Memory* memory = nullptr;
  const Options* options = nullptr;
  Statistics* statistics = nullptr;
  SharedRaces races;
  u64 random = 0;  // state of draw(); 0: everything in order

  // Below `count`, by xorshift; 0 where everything is in order.
  u32 draw(u32 count) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    return static_cast<u32>((random >> 32) * count >> 32);
  }
};

enum class GroupState : u8 { kRunning, kWaitsForLanes, kAtBarrier };

// Lanes that stand at the same instruction.
struct Group {
  u32 pc = 0, mask = 0;
  GroupState state = GroupState::kRunning;
  u32 barrier = 0;
};

// A cp.async under way; its bytes arrive when the lane waits for its group.
struct PendingCopy {
  int lane;
  u32 group;                               // counts the lane's commits
  u32 shared_offset, bytes, source_bytes;  // the rest is zero-filled
  const char* source;
};

struct Warp {
  static constexpr int kRegions = 8;

  char* registers = nullptr;
  Block* block = nullptr;
  u32 index = 0;
  u32 alive = 0;  // lanes that have not exited
  u64 instructions = 0;
  u64 timer_readings = 0;
  std::vector<Group> groups;
  std::vector<char> local;               // local memory, lane after lane
  std::array<Region, kRegions> regions;  // allocations met last in the launch
  std::vector<PendingCopy> copies;
  std::array<u32, kLanes> commits = {};
  u32 storing = 0;  // lanes of the plain store that is being checked

  template <typename T>
  T* lanes(int offset) const {
    return static_cast<T*>(__builtin_assume_aligned(registers + offset, 64));
  }
  u32& predicate(int offset) const { return *reinterpret_cast<u32*>(registers + offset); }
  void assign_predicate(int offset, u32 value, u32 mask) const {
    u32& target = predicate(offset);
    target = (target & ~mask) | (value & mask);
  }
  u32 thread(int lane) const { return index * kLanes + static_cast<u32>(lane); }
};

// Throws Error: what happened, kernel, block, thread, line and text of the instruction.
[[noreturn]] void fail_at(const Warp& warp, const Instruction& instruction, int lane, const std::string& what);

// d[lane] = f(lane) for the lanes of the mask. f is evaluated for all lanes and must not have side effects.
template <typename T, typename F>
inline __attribute__((always_inline)) void map_lanes(T* d, u32 mask, F f) {
  if (mask == kAllLanes) {
#pragma GCC ivdep
    for (int lane = 0; lane < kLanes; ++lane) d[lane] = f(lane);
  } else {
#pragma GCC ivdep
    for (int lane = 0; lane < kLanes; ++lane) {
      const T value = f(lane);
      d[lane] = (mask >> lane & 1) != 0 ? value : d[lane];
    }
  }
}

template <typename F>
inline __attribute__((always_inline)) void each_lane(u32 mask, F f) {
  for (u32 rest = mask; rest != 0; rest &= rest - 1) f(std::countr_zero(rest));
}

inline int first_lane(u32 mask) {
  return std::countr_zero(mask);
}

}  // namespace drift::emulator::ptx
