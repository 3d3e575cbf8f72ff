// cp.async: the bytes arrive only when the lane waits for its group, so that a missing wait is seen: as stale data,
// and with the race check on as an error at the first access to bytes still under way.
#include <algorithm>
#include <cstring>

#include "tests/emulator/ptx/decode.h"
#include "tests/emulator/ptx/memory.h"

namespace drift::emulator::ptx {
namespace {

// a: shared address, e: global address register, c: source bytes or none, element_bytes: bytes to copy.
void start_copies(Warp& warp, const Instruction& i, u32 mask) {
  Block& block = *warp.block;
  each_lane(mask, [&](int lane) {
    const u32 bytes = i.element_bytes;
    const u32 source_bytes = i.c != kNone ? std::min(warp.lanes<u32>(i.c)[lane], bytes) : bytes;
    const u64 from = warp.lanes<u64>(i.e)[lane];
    const char* source =
        source_bytes == 0 ? nullptr : resolve(warp, i, lane, Space::kGlobal, from, bytes, MemoryAccess::kRead);
    const char* target = resolve(warp, i, lane, Space::kShared, address_of(warp, i, lane), bytes, MemoryAccess::kWrite);
    const u32 offset = static_cast<u32>(target - block.shared.data());
    if (block.options->shared_races) block.races.count_copy(offset, bytes, 1);
    warp.copies.push_back({lane, warp.commits[static_cast<u32>(lane)], offset, bytes, source_bytes, source});
  });
}

void land(Warp& warp, const Instruction& i, const PendingCopy& copy) {
  Block& block = *warp.block;
  char* target = block.shared.data() + copy.shared_offset;
  std::memset(target, 0, copy.bytes);
  if (copy.source_bytes != 0) std::memcpy(target, copy.source, copy.source_bytes);
  if (!block.options->shared_races) return;
  block.races.count_copy(copy.shared_offset, copy.bytes, -1);
  check_shared_race(warp, i, copy.lane, copy.shared_offset, copy.bytes, MemoryAccess::kWrite);
}

void commit_group(Warp& warp, const Instruction&, u32 mask) {
  each_lane(mask, [&](int lane) { ++warp.commits[static_cast<u32>(lane)]; });
}

// immediate: the newest groups that may stay under way; negative: wait for everything, committed or not.
void wait_group(Warp& warp, const Instruction& i, u32 mask) {
  std::vector<PendingCopy> pending;
  pending.swap(warp.copies);
  for (const PendingCopy& copy : pending) {
    const i64 committed = warp.commits[static_cast<u32>(copy.lane)];
    const bool due = i.immediate < 0 || copy.group < committed - i.immediate;
    if ((mask >> copy.lane & 1) != 0 && due) {
      land(warp, i, copy);
    } else {
      warp.copies.push_back(copy);
    }
  }
}

void decode_copy(Assembler& assembler, const Statement& statement, Instruction instruction) {
  const std::vector<std::string>& operands = statement.operands;
  if (operands.size() < 3 || operands.size() > 4) expect_operands(statement, 3);
  instruction.space = Space::kShared;
  assembler.address(instruction, operands[0]);
  Instruction source = instruction;
  source.a = kNone;
  assembler.address(source, operands[1]);
  const int base = source.a != kNone && source.address_bytes == 8 ? source.a : kNone;
  Instruction add;  // the global address, computed once
  add.guard = instruction.guard;
  add.guard_negated = instruction.guard_negated;
  add.d = assembler.new_register(8);
  add.a = base != kNone ? base : assembler.constant(0, 8);
  add.b = assembler.constant(static_cast<u64>(source.immediate), 8);
  add.run = integer_handler("add", Type::kU64);
  assembler.emit(add);
  instruction.e = add.d;
  const u64 bytes = parse_literal(operands[2], 4);
  if ((bytes != 4 && bytes != 8 && bytes != 16) || source.a != base) statement.fail("unsupported instruction");
  instruction.element_bytes = static_cast<u8>(bytes);
  if (operands.size() == 4) instruction.c = assembler.read(operands[3], 4);
  instruction.slot = assembler.next_slot();
  instruction.run = start_copies;
  assembler.emit(instruction);
}

void decode(Assembler& assembler, const Statement& statement, Instruction instruction) {
  const bool bulk = statement.has("bulk") || statement.has("mbarrier");
  if (statement.opcode.size() < 3 || statement.opcode[1] != "async" || bulk) {
    statement.fail("unsupported instruction");
  }
  const std::string& what = statement.opcode[2];
  if (what == "ca" || what == "cg") return decode_copy(assembler, statement, instruction);
  if (what == "commit_group") {
    instruction.run = commit_group;
  } else if (what == "wait_all") {
    instruction.immediate = -1;
    instruction.run = wait_group;
  } else if (what == "wait_group") {
    expect_operands(statement, 1);
    instruction.immediate = static_cast<i64>(parse_literal(statement.operands[0], 8));
    instruction.run = wait_group;
  } else {
    statement.fail("unsupported instruction");
  }
  assembler.emit(instruction);
}

}  // namespace

void add_async_copy(DecoderTable& table) {
  table["cp"] = decode;
}

}  // namespace drift::emulator::ptx
