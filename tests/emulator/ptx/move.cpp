// mov in all its forms, and what converts or asks about generic addresses: cvta, isspacep; activemask.
#include <algorithm>
#include <cstring>

#include "tests/emulator/ptx/decode.h"

namespace drift::emulator::ptx {
namespace {

template <typename T>
void copy(Warp& warp, const Instruction& i, u32 mask) {
  const T* a = warp.lanes<T>(i.a);
  map_lanes(warp.lanes<T>(i.d), mask, [=](int lane) { return a[lane]; });
}

// mov.b64 d, {low, high}
void pack(Warp& warp, const Instruction& i, u32 mask) {
  each_lane(mask, [&](int lane) {
    char* d = warp.registers + i.d + lane * i.register_bytes;
    for (int k = 0; k < i.vector; ++k) {
      std::memcpy(d + k * i.element_bytes, warp.registers + i.values[k] + lane * i.element_bytes, i.element_bytes);
    }
  });
}

// mov.b64 {low, high}, a
void unpack(Warp& warp, const Instruction& i, u32 mask) {
  each_lane(mask, [&](int lane) {
    const char* a = warp.registers + i.a + lane * i.register_bytes;
    for (int k = 0; k < i.vector; ++k) {
      if (i.values[k] == kNone) continue;
      std::memcpy(warp.registers + i.values[k] + lane * i.element_bytes, a + k * i.element_bytes, i.element_bytes);
    }
  });
}

// The clock of a multiprocessor counts instructions of the warp.
void read_clock(Warp& warp, const Instruction& i, u32 mask) {
  each_lane(mask, [&](int lane) {
    std::memcpy(warp.registers + i.d + lane * i.register_bytes, &warp.instructions, i.register_bytes);
  });
}

// That of the device goes on by being read, and by nothing else that a kernel does.
void read_timer(Warp& warp, const Instruction& i, u32 mask) {
  const u64 passed = ++warp.timer_readings * kNanosecondsByReading;
  const u64 now = warp.block->options->timer + passed;
  u64& most = warp.block->statistics->timer;
  most = std::max(most, passed);
  each_lane(mask,
            [&](int lane) { std::memcpy(warp.registers + i.d + lane * i.register_bytes, &now, i.register_bytes); });
}

void decode_vector_move(Assembler& assembler, const Statement& statement, Instruction instruction) {
  const u32 bytes = bytes_of(statement.type());
  const bool unpacks = statement.operands[0].front() == '{';
  const std::vector<std::string> parts = split(without_brackets(statement.operands[unpacks ? 0 : 1]), ',');
  if (parts.empty() || parts.size() > kMaxVector || bytes % parts.size() != 0) {
    statement.fail("unsupported instruction");
  }
  instruction.vector = static_cast<u8>(parts.size());
  instruction.register_bytes = static_cast<u8>(bytes);
  instruction.element_bytes = static_cast<u8>(bytes / parts.size());
  for (std::size_t k = 0; k < parts.size(); ++k) {
    instruction.values[k] = unpacks ? assembler.write(parts[k], instruction.element_bytes)
                                    : assembler.read(parts[k], instruction.element_bytes);
  }
  if (unpacks) {
    instruction.a = assembler.read(statement.operands[1], bytes);
  } else {
    instruction.d = assembler.write(statement.operands[0], bytes);
  }
  instruction.run = unpacks ? unpack : pack;
  assembler.emit(instruction);
}

void decode_move(Assembler& assembler, const Statement& statement, Instruction instruction) {
  expect_operands(statement, 2);
  if (statement.type() == Type::kPred) return decode_predicate_logic(assembler, statement, instruction);
  const u32 bytes = bytes_of(statement.type());
  const std::string& source = statement.operands[1];
  if (bytes < 2) statement.fail("unsupported instruction");
  if (statement.operands[0].front() == '{' || source.front() == '{') {
    return decode_vector_move(assembler, statement, instruction);
  }
  instruction.d = assembler.write(statement.operands[0], bytes);
  if (source == "%clock" || source == "%clock64" || source == "%globaltimer") {
    instruction.register_bytes = static_cast<u8>(bytes);
    instruction.run = source == "%globaltimer" ? read_timer : read_clock;
  } else {
    instruction.a = assembler.read(source, bytes);
    instruction.run = bytes == 2 ? copy<u16> : bytes == 4 ? copy<u32> : copy<u64>;
  }
  assembler.emit(instruction);
}

u64 window_of(const Statement& statement) {
  if (statement.has("shared") || statement.has("shared::cta")) return kSharedWindow;
  if (statement.has("local")) return kLocalWindow;
  if (statement.has("param") || statement.has("param::entry")) return kParameterWindow;
  if (statement.has("global") || statement.has("const")) return 0;
  statement.fail("unsupported instruction");
}

void decode_convert_address(Assembler& assembler, const Statement& statement, Instruction instruction) {
  expect_operands(statement, 2);
  const u64 window = window_of(statement);
  instruction.d = assembler.write(statement.operands[0], 8);
  instruction.a = assembler.read(statement.operands[1], 8);
  instruction.run = copy<u64>;
  if (window != 0) {
    instruction.b = assembler.constant(statement.has("to") ? 0 - window : window, 8);
    instruction.run = integer_handler("add", Type::kU64);
  }
  assembler.emit(instruction);
}

void test_space(Warp& warp, const Instruction& i, u32 mask) {
  const u64* a = warp.lanes<u64>(i.a);
  const u64 window = static_cast<u64>(i.immediate);
  u32 inside = 0;
  each_lane(mask, [&](int lane) {
    const bool global = a[lane] < kSharedWindow || a[lane] >= kParameterWindow + kWindowBytes;
    inside |= static_cast<u32>(window == 0 ? global : a[lane] - window < kWindowBytes) << lane;
  });
  warp.assign_predicate(i.d, inside, mask);
}

void decode_test_space(Assembler& assembler, const Statement& statement, Instruction instruction) {
  expect_operands(statement, 2);
  instruction.immediate = static_cast<i64>(window_of(statement));
  instruction.d = assembler.predicate(statement.operands[0]);
  instruction.a = assembler.read(statement.operands[1], 8);
  instruction.run = test_space;
  assembler.emit(instruction);
}

void read_active_mask(Warp& warp, const Instruction& i, u32 mask) {
  map_lanes(warp.lanes<u32>(i.d), mask, [=](int) { return mask; });
}

void decode_active_mask(Assembler& assembler, const Statement& statement, Instruction instruction) {
  expect_operands(statement, 1);
  instruction.d = assembler.write(statement.operands[0], 4);
  instruction.run = read_active_mask;
  assembler.emit(instruction);
}

}  // namespace

void add_move(DecoderTable& table) {
  table["mov"] = decode_move;
  table["cvta"] = decode_convert_address;
  table["isspacep"] = decode_test_space;
  table["activemask"] = decode_active_mask;
}

}  // namespace drift::emulator::ptx
