// launch(): the blocks of a grid one after another or, where they may wait for each other, all in turns. With a seed,
// blocks come in random order and warps run for random numbers of instructions, so that missing synchronisation shows.
#include <algorithm>
#include <memory>
#include <numeric>
#include <random>
#include <utility>

#include "tests/emulator/ptx/resident_block.h"

namespace drift::emulator::ptx {
namespace {

constexpr u64 kQuantum = 400;  // instructions of a warp before another one may run

void run_one_after_another(ResidentBlock& place, const std::vector<u32>& order, bool seeded) {
  for (const u32 index : order) {
    place.start(index);
    while (!place.ended()) place.run_turn(seeded ? kQuantum : ~0ull);
  }
}

void run_together(const Block& description, std::size_t dynamic_shared_bytes, std::vector<u32> order, bool seeded,
                  std::mt19937_64& random) {
  std::vector<std::unique_ptr<ResidentBlock>> blocks;
  for (const u32 index : order) {
    blocks.push_back(std::make_unique<ResidentBlock>(description, dynamic_shared_bytes, random));
    blocks.back()->start(index);
  }
  while (!blocks.empty()) {
    if (seeded) std::shuffle(blocks.begin(), blocks.end(), random);
    for (const auto& block : blocks) block->run_turn(kQuantum);
    std::erase_if(blocks, [](const auto& block) { return block->ended(); });
  }
}

}  // namespace

void launch(const Kernel& kernel, Dim3 grid, Dim3 block, std::size_t dynamic_shared_bytes, const char* parameters,
            Memory& memory, const Options& options, Statistics& statistics) {
  const u64 threads = static_cast<u64>(block.x) * block.y * block.z;
  if (threads == 0 || threads > kernel.max_threads) {
    throw Error("kernel " + kernel.name + ": a block of " + std::to_string(threads) +
                " threads, but it may have 1 to " + std::to_string(kernel.max_threads));
  }
  Block description;
  description.program = kernel.program.get();
  description.grid = grid;
  description.size = block;
  description.threads = static_cast<u32>(threads);
  description.parameters = parameters;
  description.memory = &memory;
  description.options = &options;
  description.statistics = &statistics;
  const bool seeded = options.seed != 0;
  std::mt19937_64 random(options.seed);
  std::vector<u32> order(static_cast<std::size_t>(grid.x) * grid.y * grid.z);
  std::iota(order.begin(), order.end(), 0u);
  if (seeded) std::shuffle(order.begin(), order.end(), random);
  if (options.cooperative) return run_together(description, dynamic_shared_bytes, std::move(order), seeded, random);
  ResidentBlock place(description, dynamic_shared_bytes, random);
  run_one_after_another(place, order, seeded);
}

}  // namespace drift::emulator::ptx
