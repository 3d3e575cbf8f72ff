#include "tests/emulator/ptx/memory.h"

#include <cstdio>
#include <cstring>

#include "tests/emulator/ptx/decode.h"

namespace drift::emulator::ptx {
namespace {

bool in_window(u64 address, u64 window) {
  return address - window < kWindowBytes;
}

char* resolve_global(Warp& warp, const Instruction& i, int lane, u64 address, u32 bytes, MemoryAccess access) {
  const Block& block = *warp.block;
  Region& region = warp.regions[i.slot];
  if (address < region.begin || address + bytes > region.end) {
    const Region found = block.memory->find(address, bytes);
    if (found.host == nullptr) {
      char text[96];
      std::snprintf(text, sizeof text, "invalid global %s of %u bytes at %#llx",
                    access == MemoryAccess::kRead ? "read" : "write", bytes, static_cast<unsigned long long>(address));
      fail_at(warp, i, lane, text);
    }
    region = found;
  }
  if (block.options->report_global) {
    try {
      block.memory->touch(address, bytes, access, block.linear_index);
    } catch (const Error& error) {
      fail_at(warp, i, lane, error.what());
    }
  }
  warp.block->statistics->global_bytes += bytes;
  return region.host + (address - region.begin);
}

char* resolve_shared(Warp& warp, const Instruction& i, int lane, u64 offset, u32 bytes, MemoryAccess access) {
  Block& block = *warp.block;
  if (offset + bytes > block.shared.size()) {
    fail_at(warp, i, lane,
            "shared access at offset " + std::to_string(offset) + " out of bounds (the block has " +
                std::to_string(block.shared.size()) + " bytes)");
  }
  if (block.options->shared_races) check_shared_race(warp, i, lane, offset, bytes, access);
  return block.shared.data() + offset;
}

// The lane stores the value that the other one stores by the same instruction, or has stored before.
bool stores_the_same(const Warp& warp, const Instruction& i, int lane, int other, std::size_t offset) {
  const auto value = [&](int which, int k) { return warp.registers + i.values[k] + which * i.register_bytes; };
  const bool together =
      (warp.storing >> other & 1) != 0 && other < lane && address_of(warp, i, other) == address_of(warp, i, lane);
  bool same = true;
  for (int k = 0; k < i.vector; ++k) {
    const char* there = together ? value(other, k) : warp.block->shared.data() + offset + k * i.element_bytes;
    same &= std::memcmp(value(lane, k), there, i.element_bytes) == 0;
  }
  return same;
}

}  // namespace

void judge_shared_race(Warp& warp, const Instruction& i, int lane, std::size_t offset, u32 bytes, MemoryAccess kind) {
  SharedRaces& races = warp.block->races;
  const u32 thread = warp.thread(lane);
  if (kind == MemoryAccess::kWrite && warp.storing != 0) {
    const int other = races.rival_lane(offset, bytes, thread);
    if (other >= 0 && stores_the_same(warp, i, lane, other, offset)) return races.admit_again(offset, bytes, thread);
  }
  fail_at(warp, i, lane, races.describe(offset, bytes, thread, kind));
}

char* resolve(Warp& warp, const Instruction& i, int lane, Space space, u64 address, u32 bytes, MemoryAccess access) {
  if ((address & (bytes - 1)) != 0) {
    char text[96];
    std::snprintf(text, sizeof text, "misaligned address %#llx for %u bytes", static_cast<unsigned long long>(address),
                  bytes);
    fail_at(warp, i, lane, text);
  }
  if (space == Space::kGeneric || space == Space::kGlobal) {
    if (in_window(address, kSharedWindow)) {
      space = Space::kShared;
    } else if (in_window(address, kLocalWindow)) {
      space = Space::kLocal;
    } else if (in_window(address, kParameterWindow)) {
      space = Space::kParameter;
    } else {
      return resolve_global(warp, i, lane, address, bytes, access);
    }
  }
  const u64 offset = address & (kWindowBytes - 1);
  const Program& program = *warp.block->program;
  if (space == Space::kShared) return resolve_shared(warp, i, lane, offset, bytes, access);
  const bool local = space == Space::kLocal;
  if (offset + bytes > (local ? program.local_bytes : program.parameter_bytes)) {
    fail_at(warp, i, lane, std::string(local ? "local" : "parameter") + " access out of bounds");
  }
  if (local) return warp.local.data() + static_cast<std::size_t>(lane) * program.local_bytes + offset;
  if (access != MemoryAccess::kRead) fail_at(warp, i, lane, "parameters are read-only");
  return const_cast<char*>(warp.block->parameters) + offset;
}

std::string read_string(Warp& warp, const Instruction& i, int lane, u64 address) {
  std::string result;
  for (;;) {
    const char c = *resolve(warp, i, lane, Space::kGeneric, address++, 1, MemoryAccess::kRead);
    if (c == '\0') return result;
    result += c;
  }
}

Space parse_space(const Statement& statement) {
  if (statement.has("shared::cluster")) statement.fail("unsupported instruction");
  if (statement.has("global") || statement.has("const")) return Space::kGlobal;
  if (statement.has("shared") || statement.has("shared::cta")) return Space::kShared;
  if (statement.has("local")) return Space::kLocal;
  for (const char* name : {"param", "param::entry", "param::func"}) {
    if (statement.has(name)) return Space::kParameter;
  }
  return Space::kGeneric;
}

}  // namespace drift::emulator::ptx
