// A block that has its place on the device: registers, shared memory and warps, which one block of the grid after
// another may use. Its warps run in turns.
#pragma once

#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "tests/emulator/ptx/warp.h"

namespace drift::emulator::ptx {

class ResidentBlock {
 public:
  // `random` is shared by all; it is used only with Options::seed.
  ResidentBlock(const Block& description, std::size_t dynamic_shared_bytes, std::mt19937_64& random);
  ResidentBlock(const ResidentBlock&) = delete;
  ResidentBlock& operator=(const ResidentBlock&) = delete;

  void start(u32 linear_index);
  bool ended() const;
  // Each warp that can runs once, about `quantum` instructions or a random number below it; if none can, the barriers
  // they wait at open.
  void run_turn(u64 quantum);

 private:
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };
  void make_warps();
  void start_warp(Warp& warp);

  Block block_;
  std::mt19937_64& random_;
  std::vector<Warp> warps_;
  std::vector<u32> turns_;
  std::unique_ptr<char, Free> registers_;
};

}  // namespace drift::emulator::ptx
