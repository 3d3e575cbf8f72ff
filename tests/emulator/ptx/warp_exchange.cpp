// What lanes of a warp do together: shfl, vote, match, redux. The executor has made sure that all lanes of the member
// mask are here (Kind::kWarpSync, operand e); `mask` is who takes part.
#include "tests/emulator/ptx/decode.h"

namespace drift::emulator::ptx {
namespace {

enum ShuffleMode : u8 { kUp, kDown, kButterfly, kIndex };

// Operands b: distance or lane; c: clamp value in bits 0-4, segment mask in bits 8-12.
void shuffle(Warp& warp, const Instruction& i, u32 mask) {
  u32* d = warp.lanes<u32>(i.d);
  const u32* b = warp.lanes<u32>(i.b);
  const u32* c = warp.lanes<u32>(i.c);
  alignas(64) u32 source[kLanes];
  std::copy_n(warp.lanes<u32>(i.a), kLanes, source);
  u32 in_range = 0;
  each_lane(mask, [&](int lane) {
    const int clamp = static_cast<int>(c[lane] & 31), segment = static_cast<int>(c[lane] >> 8 & 31);
    const int distance = static_cast<int>(b[lane] & 31);
    const int low = lane & segment, high = low | (clamp & ~segment);
    int from = low | (distance & ~segment);
    if (i.variant == kUp) from = lane - distance;
    if (i.variant == kDown) from = lane + distance;
    if (i.variant == kButterfly) from = lane ^ distance;
    const bool valid = i.variant == kUp ? from >= high : from <= high;
    if (!valid) from = lane;
    if ((mask >> from & 1) == 0) {
      fail_at(warp, i, lane, "shfl.sync reads lane " + std::to_string(from) + ", which does not take part");
    }
    d[lane] = source[from];
    in_range |= static_cast<u32>(valid) << lane;
  });
  if (i.d2 != kNone) warp.assign_predicate(i.d2, in_range, mask);
}

enum VoteMode : u8 { kAll, kAny, kUniform, kBallot };

void vote(Warp& warp, const Instruction& i, u32 mask) {
  const u32 yes = (i.operand_negated ? ~warp.predicate(i.a) : warp.predicate(i.a)) & mask;
  if (i.variant == kBallot) {
    map_lanes(warp.lanes<u32>(i.d), mask, [=](int) { return yes; });
    return;
  }
  const bool all = yes == mask, any = yes != 0;
  const bool result = i.variant == kAll ? all : (i.variant == kAny ? any : all || !any);
  warp.assign_predicate(i.d, result ? kAllLanes : 0, mask);
}

template <typename T>
void match_any(Warp& warp, const Instruction& i, u32 mask) {
  u32* d = warp.lanes<u32>(i.d);
  const T* a = warp.lanes<T>(i.a);
  u32 result[kLanes] = {};
  each_lane(mask, [&](int lane) {
    each_lane(mask, [&](int other) { result[lane] |= static_cast<u32>(a[other] == a[lane]) << other; });
  });
  each_lane(mask, [&](int lane) { d[lane] = result[lane]; });
}

template <typename T>
void match_all(Warp& warp, const Instruction& i, u32 mask) {
  const T* a = warp.lanes<T>(i.a);
  const T first = a[first_lane(mask)];
  bool same = true;
  each_lane(mask, [&](int lane) { same &= a[lane] == first; });
  map_lanes(warp.lanes<u32>(i.d), mask, [=](int) { return same ? mask : 0; });
  if (i.d2 != kNone) warp.assign_predicate(i.d2, same ? kAllLanes : 0, mask);
}

template <typename T, typename F>
Handler reduction(F) {
  return [](Warp& warp, const Instruction& i, u32 mask) {
    T* d = warp.lanes<T>(i.d);
    const T* a = warp.lanes<T>(i.a);
    T result = a[first_lane(mask)];
    each_lane(mask & (mask - 1), [&](int lane) { result = F()(result, a[lane]); });
    map_lanes(d, mask, [=](int) { return result; });
  };
}

template <typename T>
Handler select_reduction(std::string_view operation) {
  if (operation == "add") return reduction<T>([](T a, T b) { return a + b; });
  if (operation == "min") return reduction<T>([](T a, T b) { return b < a ? b : a; });
  if (operation == "max") return reduction<T>([](T a, T b) { return b > a ? b : a; });
  if (operation == "and") return reduction<T>([](T a, T b) { return a & b; });
  if (operation == "or") return reduction<T>([](T a, T b) { return a | b; });
  if (operation == "xor") return reduction<T>([](T a, T b) { return a ^ b; });
  return nullptr;
}

// "d|p": a register and a predicate
void read_pair(Assembler& assembler, const Statement& statement, Instruction& instruction) {
  const std::vector<std::string> targets = split(statement.operands[0], '|');
  instruction.d = assembler.write(targets[0], 4);
  if (targets.size() > 1) instruction.d2 = assembler.predicate(targets[1]);
}

void decode_shuffle(Assembler& assembler, const Statement& statement, Instruction instruction) {
  if (!statement.has("sync")) statement.fail("unsupported instruction");
  expect_operands(statement, 5);
  instruction.kind = Kind::kWarpSync;
  read_pair(assembler, statement, instruction);
  instruction.a = assembler.read(statement.operands[1], 4);
  instruction.b = assembler.read(statement.operands[2], 4);
  instruction.c = assembler.read(statement.operands[3], 4);
  instruction.e = assembler.read(statement.operands[4], 4);
  instruction.variant = statement.has("up")     ? kUp
                        : statement.has("down") ? kDown
                        : statement.has("bfly") ? kButterfly
                                                : kIndex;
  instruction.run = shuffle;
  assembler.emit(instruction);
}

void decode_vote(Assembler& assembler, const Statement& statement, Instruction instruction) {
  if (!statement.has("sync")) statement.fail("unsupported instruction");
  expect_operands(statement, 3);
  instruction.kind = Kind::kWarpSync;
  instruction.variant = statement.has("all")   ? kAll
                        : statement.has("any") ? kAny
                        : statement.has("uni") ? kUniform
                                               : kBallot;
  instruction.d = instruction.variant == kBallot ? assembler.write(statement.operands[0], 4)
                                                 : assembler.predicate(statement.operands[0]);
  instruction.a = assembler.predicate(statement.operands[1], &instruction.operand_negated);
  instruction.e = assembler.read(statement.operands[2], 4);
  instruction.run = vote;
  assembler.emit(instruction);
}

void decode_match(Assembler& assembler, const Statement& statement, Instruction instruction) {
  expect_operands(statement, 3);
  const u32 bytes = bytes_of(statement.type());
  if (bytes < 4) statement.fail("unsupported instruction");
  instruction.kind = Kind::kWarpSync;
  read_pair(assembler, statement, instruction);
  instruction.a = assembler.read(statement.operands[1], bytes);
  instruction.e = assembler.read(statement.operands[2], 4);
  const bool all = statement.has("all");
  instruction.run = bytes == 4 ? (all ? match_all<u32> : match_any<u32>) : (all ? match_all<u64> : match_any<u64>);
  assembler.emit(instruction);
}

void decode_reduction(Assembler& assembler, const Statement& statement, Instruction instruction) {
  expect_operands(statement, 3);
  const Type type = statement.type();
  instruction.kind = Kind::kWarpSync;
  instruction.d = assembler.write(statement.operands[0], 4);
  instruction.a = assembler.read(statement.operands[1], 4);
  instruction.e = assembler.read(statement.operands[2], 4);
  const std::string& operation = statement.opcode[statement.opcode.size() - 2];
  instruction.run = type == Type::kS32 ? select_reduction<i32>(operation) : select_reduction<u32>(operation);
  if (instruction.run == nullptr || is_float(type)) statement.fail("unsupported instruction");
  assembler.emit(instruction);
}

}  // namespace

void add_warp_exchange(DecoderTable& table) {
  table["shfl"] = decode_shuffle;
  table["vote"] = decode_vote;
  table["match"] = decode_match;
  table["redux"] = decode_reduction;
}

}  // namespace drift::emulator::ptx
