// Decoders turn a Statement into Instructions. Each file of instructions adds its own to one table, by opcode name.
// A decoder gets an Instruction whose guard is set and emits what it makes of it, or throws for what it does not know:
// an unknown instruction is an error at load, never at run time.
#pragma once

#include <string_view>
#include <unordered_map>

#include "tests/emulator/ptx/assembler.h"
#include "tests/emulator/ptx/text.h"
#include "tests/emulator/ptx/warp.h"

namespace drift::emulator::ptx {

using Decoder = void (*)(Assembler& assembler, const Statement& statement, Instruction instruction);
using DecoderTable = std::unordered_map<std::string_view, Decoder>;

void add_arithmetic(DecoderTable& table);
void add_async_copy(DecoderTable& table);
void add_atomics(DecoderTable& table);
void add_barrier(DecoderTable& table);
void add_bits(DecoderTable& table);
void add_carry(DecoderTable& table);
void add_compare(DecoderTable& table);
void add_control(DecoderTable& table);
void add_convert(DecoderTable& table);
void add_matrix(DecoderTable& table);
void add_memory(DecoderTable& table);
void add_move(DecoderTable& table);
void add_warp_exchange(DecoderTable& table);

// Finds the decoder; unknown names throw with the text.
Decoder find_decoder(const Statement& statement);

// Handlers of the generic arithmetic (arithmetic.cpp), or null. `operation` is the opcode name with its variant:
// "add", "mulhi", "minnan", ...
Handler integer_handler(std::string_view operation, Type type);
Handler widening_handler(std::string_view operation, Type type);  // mul.wide, mad.wide
Handler float_handler(std::string_view operation, Type type, const Instruction& modifiers);
Handler half_handler(std::string_view operation, Type type);
void decode_carry(Assembler& assembler, const Statement& statement, Instruction instruction);
void decode_predicate_logic(Assembler& assembler, const Statement& statement, Instruction instruction);

// Fails unless the statement has this many operands.
void expect_operands(const Statement& statement, std::size_t count);

// Rounding, .sat, .ftz, .relu.
void read_modifiers(const Statement& statement, Instruction& instruction);

// f(T()) with the integer type that `type` names; untyped bits count as unsigned.
template <typename F>
Handler with_integer(Type type, F f) {
  switch (type) {
    case Type::kB16:
    case Type::kU16:
      return f(u16());
    case Type::kS16:
      return f(i16());
    case Type::kB32:
    case Type::kU32:
      return f(u32());
    case Type::kS32:
      return f(i32());
    case Type::kB64:
    case Type::kU64:
      return f(u64());
    case Type::kS64:
      return f(i64());
    default:
      return nullptr;
  }
}

}  // namespace drift::emulator::ptx
