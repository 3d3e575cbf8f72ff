// A kernel ready to run: instructions whose operands are byte offsets into the register file.
// Every PTX register has 32 lanes side by side (structure of arrays); a predicate is one 32-bit lane mask; a literal
// is a register filled once per launch.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "tests/emulator/ptx/types.h"

namespace drift::emulator::ptx {

inline constexpr int kLanes = 32;
inline constexpr u32 kAllLanes = ~0u;
inline constexpr int kNone = -1;       // an operand that is not there
inline constexpr int kCarryFlag = 0;   // the predicate CC.CF is the first register of every kernel
inline constexpr int kMaxVector = 8;   // elements of one vector access
inline constexpr int kMaxValues = 14;  // registers of one instruction: those of an mma
inline constexpr int kBarriers = 16;   // named barriers of a block

// Generic addresses of the spaces that are not global memory: each has a window of 4 GiB.
inline constexpr u64 kSharedWindow = 1ull << 40, kLocalWindow = 2ull << 40, kParameterWindow = 3ull << 40;
inline constexpr u64 kWindowBytes = 1ull << 32;

enum class Space : u8 { kGeneric, kGlobal, kShared, kLocal, kParameter };

// Plain instructions are run by their handler alone; the others are for the executor (execute.cpp).
enum class Kind : u8 { kPlain, kBranch, kIndexedBranch, kExit, kTrap, kWarpSync, kBarrier };

struct Warp;
struct Instruction;
using Handler = void (*)(Warp& warp, const Instruction& instruction, u32 mask);
// Lane masks of a comparison: low 32 bits; the upper halves of packed operands in the high 32 bits.
using Comparer = u64 (*)(Warp& warp, const Instruction& instruction);

struct Instruction {
  Handler run = nullptr;
  Comparer compare = nullptr;
  i64 immediate = 0;  // memory: added to the address; otherwise as the handler says
  int d = kNone, d2 = kNone, a = kNone, b = kNone, c = kNone, e = kNone;
  int guard = kNone;   // predicate of @p
  int target = kNone;  // branches: index of an instruction, or of a jump table
  std::array<int, kMaxValues> values = none();
  Kind kind = Kind::kPlain;
  Space space = Space::kGeneric;
  Rounding rounding = Rounding::kNearest;
  u8 variant = 0;         // which of the handler's operations
  u8 element_bytes = 0;   // memory and conversions: in memory, of the source
  u8 register_bytes = 0;  // memory and conversions: of the register, of the result
  u8 address_bytes = 0;   // width of the address register a
  u8 vector = 0;          // elements per lane
  u8 slot = 0;            // which remembered allocation of the warp a memory instruction tries first
  bool guard_negated = false, operand_negated = false;
  bool flush = false, saturate = false, relu = false, integral = false, is_signed = false;
  bool strong = false;   // volatile and ordered accesses: allowed to meet others without a barrier
  bool aligned = false;  // all lanes of a warp must arrive at the same instruction

 private:
  static constexpr std::array<int, kMaxValues> none() {
    std::array<int, kMaxValues> result{};
    for (int& value : result) value = kNone;
    return result;
  }
};

// Where an instruction stands, for error messages.
struct Site {
  std::string text;
  int line = 0;         // of the PTX text
  int source_line = 0;  // .loc; 0: none
};

enum class Special : u8 {
  kTidX,
  kTidY,
  kTidZ,
  kNtidX,
  kNtidY,
  kNtidZ,
  kCtaidX,
  kCtaidY,
  kCtaidZ,
  kNctaidX,
  kNctaidY,
  kNctaidZ,
  kLaneId,
  kWarpId,
  kLaneMaskLt,
  kLaneMaskLe,
  kLaneMaskGt,
  kLaneMaskGe,
  kLaneMaskEq,
  kDynamicShared,
  kTotalShared,
  kSmId,
  kSmCount,
  kWarpCount,
  kGridWorkspaceHigh,
  kGridWorkspaceLow
};

struct Program {
  struct Constant {
    int offset;
    u32 bytes;
    u64 value;
    bool plus_dynamic_base;  // value is relative to the start of dynamic shared memory
  };
  struct SpecialRegister {
    int offset;
    Special special;
  };

  std::string kernel_name;
  std::vector<Instruction> code;
  std::vector<Site> sites;  // one for each instruction
  std::vector<std::vector<u32>> jump_tables;
  std::vector<Constant> constants;
  std::vector<SpecialRegister> specials;
  u32 register_bytes = 0;  // of one warp
  u32 shared_bytes = 0;    // static
  u32 dynamic_alignment = 16;
  u32 local_bytes = 0;  // of one thread
  u32 parameter_bytes = 0;
  u32 max_threads = 1024;
};

}  // namespace drift::emulator::ptx
