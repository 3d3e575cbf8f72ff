#include "tests/emulator/ptx/resident_block.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "tests/emulator/ptx/barrier.h"
#include "tests/emulator/ptx/execute.h"

namespace drift::emulator::ptx {
namespace {

constexpr char kFresh = static_cast<char>(0xCD);  // what memory holds before it is written

u32 special_value(const Program::SpecialRegister& special, const Block& block, const Warp& warp, int lane) {
  const u32 thread = warp.thread(lane), bit = 1u << lane;
  switch (special.special) {
    case Special::kTidX:
      return thread % block.size.x;
    case Special::kTidY:
      return thread / block.size.x % block.size.y;
    case Special::kTidZ:
      return thread / (block.size.x * block.size.y);
    case Special::kNtidX:
      return block.size.x;
    case Special::kNtidY:
      return block.size.y;
    case Special::kNtidZ:
      return block.size.z;
    case Special::kCtaidX:
      return block.index.x;
    case Special::kCtaidY:
      return block.index.y;
    case Special::kCtaidZ:
      return block.index.z;
    case Special::kNctaidX:
      return block.grid.x;
    case Special::kNctaidY:
      return block.grid.y;
    case Special::kNctaidZ:
      return block.grid.z;
    case Special::kLaneId:
      return static_cast<u32>(lane);
    case Special::kWarpId:
      return warp.index;
    case Special::kLaneMaskLt:
      return bit - 1;
    case Special::kLaneMaskLe:
      return bit | (bit - 1);
    case Special::kLaneMaskGt:
      return ~(bit | (bit - 1));
    case Special::kLaneMaskGe:
      return ~(bit - 1);
    case Special::kLaneMaskEq:
      return bit;
    case Special::kDynamicShared:
      return static_cast<u32>(block.shared.size()) - block.program->shared_bytes;
    case Special::kTotalShared:
      return static_cast<u32>(block.shared.size());
    case Special::kSmId:
      return 0;
    case Special::kSmCount:
      return 132;
    case Special::kWarpCount:
      return 64;
    case Special::kGridWorkspaceHigh:
      return static_cast<u32>(block.options->grid_workspace >> 32);
    case Special::kGridWorkspaceLow:
      return static_cast<u32>(block.options->grid_workspace);
  }
  return 0;
}

}  // namespace

ResidentBlock::ResidentBlock(const Block& description, std::size_t dynamic_shared_bytes, std::mt19937_64& random)
    : block_(description), random_(random) {
  block_.shared.resize(block_.program->shared_bytes + dynamic_shared_bytes);
  if (block_.options->seed != 0) block_.random = random_() | 1;
  block_.races.resize(block_.options->shared_races ? block_.shared.size() : 0, block_.threads);
  make_warps();
}

void ResidentBlock::make_warps() {
  const Program& program = *block_.program;
  warps_.resize((block_.threads + kLanes - 1) / kLanes);
  turns_.resize(warps_.size());
  std::iota(turns_.begin(), turns_.end(), 0u);
  const std::size_t bytes = program.register_bytes;  // a multiple of 64
  registers_.reset(static_cast<char*>(std::aligned_alloc(64, bytes * warps_.size())));
  if (registers_ == nullptr) throw Error("no memory for the registers of " + program.kernel_name);
  std::memset(registers_.get(), kFresh, bytes * warps_.size());
  for (std::size_t k = 0; k < warps_.size(); ++k) {
    warps_[k].registers = registers_.get() + bytes * k;
    warps_[k].block = &block_;
    warps_[k].index = static_cast<u32>(k);
    for (const Program::Constant& constant : program.constants) {
      const u64 value = constant.value + (constant.plus_dynamic_base ? program.shared_bytes : 0);
      for (int lane = 0; lane < kLanes; ++lane) {
        std::memcpy(warps_[k].registers + constant.offset + lane * static_cast<int>(constant.bytes), &value,
                    constant.bytes);
      }
    }
  }
}

void ResidentBlock::start(u32 linear_index) {
  const Dim3& grid = block_.grid;
  block_.linear_index = linear_index;
  block_.index = {linear_index % grid.x, linear_index / grid.x % grid.y, linear_index / grid.x / grid.y};
  std::fill(block_.shared.begin(), block_.shared.end(), kFresh);
  block_.races.begin_block();
  const auto copies = [](const Warp& warp) { return !warp.copies.empty(); };
  if (std::any_of(warps_.begin(), warps_.end(), copies)) block_.races.forget_copies();
  for (Warp& warp : warps_) start_warp(warp);
}

void ResidentBlock::start_warp(Warp& warp) {
  const u32 threads = block_.threads - warp.index * kLanes;
  warp.alive = threads >= kLanes ? kAllLanes : (1u << threads) - 1;
  warp.groups.assign(1, {0, warp.alive, GroupState::kRunning, 0});
  warp.instructions = warp.timer_readings = 0;
  warp.local.assign(static_cast<std::size_t>(kLanes) * block_.program->local_bytes, kFresh);
  warp.copies.clear();
  warp.commits.fill(0);
  for (const Program::SpecialRegister& special : block_.program->specials) {
    u32* lanes = warp.lanes<u32>(special.offset);
    for (int lane = 0; lane < kLanes; ++lane) lanes[lane] = special_value(special, block_, warp, lane);
  }
}

bool ResidentBlock::ended() const {
  return std::none_of(warps_.begin(), warps_.end(), [](const Warp& warp) { return warp.alive != 0; });
}

void ResidentBlock::run_turn(u64 quantum) {
  const bool seeded = block_.options->seed != 0;
  if (seeded) std::shuffle(turns_.begin(), turns_.end(), random_);
  bool ran = false;
  for (const u32 k : turns_) {
    if (!can_run(warps_[k])) continue;
    run_warp(warps_[k], seeded ? random_() % quantum : quantum);
    ran = true;
  }
  if (!ran) release_barriers(block_, warps_);
}

}  // namespace drift::emulator::ptx
