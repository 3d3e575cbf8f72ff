#include "tests/emulator/ptx/barrier.h"

#include "tests/emulator/ptx/decode.h"

namespace drift::emulator::ptx {
namespace {

enum Reduction : u8 { kNoReduction, kPopulation, kAllTrue, kAnyTrue };

const Instruction& instruction_of(const Block& block, const Group& group) {
  return block.program->code[group.pc];
}

template <typename F>
void each_waiting(std::vector<Warp>& warps, u32 barrier, F f) {
  for (Warp& warp : warps) {
    for (Group& group : warp.groups) {
      if (group.state == GroupState::kAtBarrier && group.barrier == barrier) f(warp, group);
    }
  }
}

// bar.red: the same result for all who wait.
void reduce(const Block& block, std::vector<Warp>& warps, u32 barrier, u32 arrived) {
  u32 yes = 0;
  each_waiting(warps, barrier, [&](Warp& warp, Group& group) {
    const Instruction& i = instruction_of(block, group);
    if (i.variant == kNoReduction) return;
    const u32 value = i.operand_negated ? ~warp.predicate(i.c) : warp.predicate(i.c);
    yes += static_cast<u32>(std::popcount(value & group.mask));
  });
  each_waiting(warps, barrier, [&](Warp& warp, Group& group) {
    const Instruction& i = instruction_of(block, group);
    if (i.variant == kPopulation) {
      map_lanes(warp.lanes<u32>(i.d), group.mask, [=](int) { return yes; });
    } else if (i.variant != kNoReduction) {
      const bool result = i.variant == kAllTrue ? yes == arrived : yes != 0;
      warp.assign_predicate(i.d, result ? kAllLanes : 0, group.mask);
    }
  });
}

// An aligned barrier wants all lanes of a warp at the same instruction; anything else is undefined on a device.
void check_convergence(const Block& block, std::vector<Warp>& warps, u32 barrier) {
  const Warp* previous = nullptr;
  u32 pc = 0;
  each_waiting(warps, barrier, [&](Warp& warp, Group& group) {
    const Instruction& i = instruction_of(block, group);
    if (previous == &warp && group.pc != pc && i.aligned) {
      fail_at(warp, i, first_lane(group.mask),
              "divergent barrier: lanes of one warp wait at different instructions, PTX lines " +
                  std::to_string(block.program->sites[pc].line) + " and " +
                  std::to_string(block.program->sites[group.pc].line));
    }
    previous = &warp;
    pc = group.pc;
  });
}

}  // namespace

void release_barriers(Block& block, std::vector<Warp>& warps) {
  u32 alive = 0, missing_from = kBarriers, missing_arrived = 0, missing_needed = 0;
  for (const Warp& warp : warps) alive += static_cast<u32>(std::popcount(warp.alive));
  bool released = false;
  for (u32 barrier = 0; barrier < kBarriers; ++barrier) {
    u32 arrived = 0, needed = alive;
    each_waiting(warps, barrier, [&](Warp& warp, Group& group) {
      arrived += static_cast<u32>(std::popcount(group.mask));
      const Instruction& i = instruction_of(block, group);
      if (i.b != kNone) needed = warp.lanes<u32>(i.b)[first_lane(group.mask)];
    });
    if (arrived == 0) continue;
    if (arrived < needed) {
      missing_from = barrier;
      missing_arrived = arrived;
      missing_needed = needed;
      continue;
    }
    check_convergence(block, warps, barrier);
    reduce(block, warps, barrier, arrived);
    each_waiting(warps, barrier, [&](Warp&, Group& group) {
      ++group.pc;
      group.state = GroupState::kRunning;
    });
    block.races.order_block();
    released = true;
  }
  if (released) return;
  each_waiting(warps, missing_from, [&](Warp& warp, Group& group) {
    fail_at(warp, instruction_of(block, group), first_lane(group.mask),
            "barrier deadlock: " + std::to_string(missing_arrived) + " of " + std::to_string(missing_needed) +
                " threads arrived at barrier " + std::to_string(missing_from) + " and nobody else can run");
  });
}

namespace {

// bar.warp.sync: the lanes that one member mask names are ordered, those of another one stand here by chance.
void meet(Warp& warp, const Instruction& i, u32 mask) {
  const u32* members = warp.lanes<u32>(i.e);
  for (u32 rest = mask; rest != 0;) {
    const u32 together = members[first_lane(rest)] & mask;
    warp.block->races.order_lanes(warp.index, together);
    rest &= ~together;
  }
}

// bar.sync a{, b};   bar.red.popc.u32 d, a{, b}, {!}c;
void decode(Assembler& assembler, const Statement& statement, Instruction instruction) {
  const std::vector<std::string>& operands = statement.operands;
  if (statement.has("warp")) {
    if (!statement.has("sync")) statement.fail("unsupported instruction");
    expect_operands(statement, 1);
    instruction.kind = Kind::kWarpSync;
    instruction.e = assembler.read(operands[0], 4);
    instruction.run = meet;
    return assembler.emit(instruction);
  }
  const bool reduces = statement.has("red");
  if ((!reduces && !statement.has("sync")) || statement.has("cluster")) statement.fail("unsupported instruction");
  instruction.kind = Kind::kBarrier;
  instruction.aligned = statement.name() == "bar" || statement.has("aligned");
  const std::size_t first = reduces ? 1 : 0, count = operands.size() - first - (reduces ? 1 : 0);
  if (operands.size() <= first || (count != 1 && count != 2)) statement.fail("unsupported instruction");
  instruction.a = assembler.read(operands[first], 4);
  if (count == 2) instruction.b = assembler.read(operands[first + 1], 4);
  if (reduces) {
    instruction.variant = statement.has("popc") ? kPopulation : statement.has("and") ? kAllTrue : kAnyTrue;
    instruction.d =
        instruction.variant == kPopulation ? assembler.write(operands[0], 4) : assembler.predicate(operands[0]);
    instruction.c = assembler.predicate(operands.back(), &instruction.operand_negated);
  }
  assembler.emit(instruction);
}

}  // namespace

void add_barrier(DecoderTable& table) {
  table["bar"] = table["barrier"] = decode;
}

}  // namespace drift::emulator::ptx
