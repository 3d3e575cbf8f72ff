// launch(): the blocks of a grid one after another, the warps of a block in turns. With a seed, blocks come in random
// order and warps run for random numbers of instructions, so that missing synchronisation shows.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <random>

#include "tests/emulator/ptx/barrier.h"
#include "tests/emulator/ptx/execute.h"
#include "tests/emulator/ptx/warp.h"

namespace drift::emulator::ptx {
namespace {

constexpr char kFresh = static_cast<char>(0xCD);  // what memory holds before it is written
constexpr u32 kMaxQuantum = 400;

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
  }
  return 0;
}

class Launch {
 public:
  Launch(const Program& program, Dim3 grid, Dim3 size, std::size_t dynamic_shared_bytes, const char* parameters,
         Memory& memory, const Options& options, Statistics& statistics)
      : program_(program), seeded_(options.seed != 0), random_(options.seed) {
    block_.program = &program;
    block_.grid = grid;
    block_.size = size;
    block_.threads = size.x * size.y * size.z;
    block_.parameters = parameters;
    block_.memory = &memory;
    block_.options = &options;
    block_.statistics = &statistics;
    block_.shared.resize(program.shared_bytes + dynamic_shared_bytes);
    block_.random = options.seed;
    block_.races.resize(options.shared_races ? block_.shared.size() : 0, block_.threads);
    make_warps();
  }

  void run() {
    const u64 count = static_cast<u64>(block_.grid.x) * block_.grid.y * block_.grid.z;
    std::vector<u32> order(seeded_ ? count : 0);
    std::iota(order.begin(), order.end(), 0u);
    std::shuffle(order.begin(), order.end(), random_);
    for (u64 k = 0; k < count; ++k) run_block(seeded_ ? order[k] : static_cast<u32>(k));
  }

 private:
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };

  void make_warps() {
    warps_.resize((block_.threads + kLanes - 1) / kLanes);
    turns_.resize(warps_.size());
    std::iota(turns_.begin(), turns_.end(), 0u);
    const std::size_t bytes = program_.register_bytes;  // a multiple of 64
    registers_.reset(static_cast<char*>(std::aligned_alloc(64, bytes * warps_.size())));
    if (registers_ == nullptr) throw Error("no memory for the registers of " + program_.kernel_name);
    std::memset(registers_.get(), kFresh, bytes * warps_.size());
    for (std::size_t k = 0; k < warps_.size(); ++k) {
      warps_[k].registers = registers_.get() + bytes * k;
      warps_[k].block = &block_;
      warps_[k].index = static_cast<u32>(k);
      for (const Program::Constant& constant : program_.constants) {
        const u64 value = constant.value + (constant.plus_dynamic_base ? program_.shared_bytes : 0);
        for (int lane = 0; lane < kLanes; ++lane) {
          std::memcpy(warps_[k].registers + constant.offset + lane * static_cast<int>(constant.bytes), &value,
                      constant.bytes);
        }
      }
    }
  }

  void start_block(u32 linear_index) {
    const Dim3& grid = block_.grid;
    block_.linear_index = linear_index;
    block_.index = {linear_index % grid.x, linear_index / grid.x % grid.y, linear_index / grid.x / grid.y};
    std::fill(block_.shared.begin(), block_.shared.end(), kFresh);
    block_.races.begin_block();
    bool copies = false;
    for (Warp& warp : warps_) {
      const u32 threads = block_.threads - warp.index * kLanes;
      warp.alive = threads >= kLanes ? kAllLanes : (1u << threads) - 1;
      warp.groups.assign(1, {0, warp.alive, GroupState::kRunning, 0});
      warp.instructions = 0;
      warp.local.assign(static_cast<std::size_t>(kLanes) * program_.local_bytes, kFresh);
      warp.regions.fill({});
      copies |= !warp.copies.empty();
      warp.copies.clear();
      warp.commits.fill(0);
      for (const Program::SpecialRegister& special : program_.specials) {
        u32* lanes = warp.lanes<u32>(special.offset);
        for (int lane = 0; lane < kLanes; ++lane) lanes[lane] = special_value(special, block_, warp, lane);
      }
    }
    if (copies) block_.races.forget_copies();
  }

  void run_block(u32 linear_index) {
    start_block(linear_index);
    const auto alive = [](const Warp& warp) { return warp.alive != 0; };
    while (std::any_of(warps_.begin(), warps_.end(), alive)) {
      if (!run_turn()) release_barriers(block_, warps_);
    }
  }

  // Each warp runs once, if it can; false if none could.
  bool run_turn() {
    if (seeded_) std::shuffle(turns_.begin(), turns_.end(), random_);
    bool ran = false;
    for (const u32 k : turns_) {
      if (!can_run(warps_[k])) continue;
      run_warp(warps_[k], seeded_ ? random_() % kMaxQuantum : ~0ull);
      ran = true;
    }
    return ran;
  }

  const Program& program_;
  const bool seeded_;
  std::mt19937_64 random_;
  Block block_;
  std::vector<Warp> warps_;
  std::vector<u32> turns_;
  std::unique_ptr<char, Free> registers_;
};

}  // namespace

void launch(const Kernel& kernel, Dim3 grid, Dim3 block, std::size_t dynamic_shared_bytes, const char* parameters,
            Memory& memory, const Options& options, Statistics& statistics) {
  const u64 threads = static_cast<u64>(block.x) * block.y * block.z;
  if (threads == 0 || threads > kernel.max_threads) {
    throw Error("kernel " + kernel.name + ": a block of " + std::to_string(threads) +
                " threads, but it may have 1 to " + std::to_string(kernel.max_threads));
  }
  Launch(*kernel.program, grid, block, dynamic_shared_bytes, parameters, memory, options, statistics).run();
}

}  // namespace drift::emulator::ptx
