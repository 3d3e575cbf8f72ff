// The instructions that integers and floats share: reads their operands and picks the handler by type.
#include "tests/emulator/ptx/decode.h"

namespace drift::emulator::ptx {
namespace {

// The name a handler is looked up by: opcode and variant.
std::string operation_of(const Statement& statement, bool is_float_type) {
  std::string operation = statement.name();
  if (is_float_type) {
    if (operation == "mad") operation = "fma";
    if (statement.has("NaN")) operation += "nan";
    if (statement.has("xorsign")) statement.fail("unsupported instruction");
  } else {
    if (statement.has("hi")) operation += "hi";
    if (statement.has("sat") || statement.has("relu")) statement.fail("unsupported instruction");
  }
  return operation;
}

void decode_widening(Assembler& assembler, const Statement& statement, Instruction instruction) {
  const Type type = statement.type();
  const u32 bytes = bytes_of(type);
  const bool adds = statement.name() == "mad";
  expect_operands(statement, adds ? 4 : 3);
  instruction.d = assembler.write(statement.operands[0], 2 * bytes);
  instruction.a = assembler.read(statement.operands[1], bytes);
  instruction.b = assembler.read(statement.operands[2], bytes);
  if (adds) instruction.c = assembler.read(statement.operands[3], 2 * bytes);
  instruction.run = widening_handler(statement.name(), type);
  if (instruction.run == nullptr) statement.fail("unsupported instruction");
  assembler.emit(instruction);
}

std::size_t operand_count(std::string_view name) {
  for (const char* ternary : {"mad", "fma"}) {
    if (name == ternary) return 4;
  }
  for (const char* unary : {"neg", "not", "abs", "sqrt", "rsqrt", "rcp", "ex2", "lg2", "sin", "cos", "tanh"}) {
    if (name == unary) return 2;
  }
  return 3;
}

void decode(Assembler& assembler, const Statement& statement, Instruction instruction) {
  const Type type = statement.type();
  if (type == Type::kPred) return decode_predicate_logic(assembler, statement, instruction);
  if (statement.has("wide")) return decode_widening(assembler, statement, instruction);
  if (statement.has("cc")) return decode_carry(assembler, statement, instruction);
  const bool shift = statement.name() == "shl" || statement.name() == "shr";
  const u32 bytes = bytes_of(type);
  if (bytes == 0) statement.fail("unsupported instruction");
  expect_operands(statement, operand_count(statement.name()));
  instruction.d = assembler.write(statement.operands[0], bytes);
  instruction.a = assembler.read(statement.operands[1], bytes);
  if (statement.operands.size() > 2) instruction.b = assembler.read(statement.operands[2], shift ? 4 : bytes);
  if (statement.operands.size() > 3) instruction.c = assembler.read(statement.operands[3], bytes);
  read_modifiers(statement, instruction);
  const bool floating = is_float(type);
  const std::string operation = operation_of(statement, floating);
  if (type == Type::kF32 || type == Type::kF64) {
    instruction.run = float_handler(operation, type, instruction);
  } else {
    instruction.run = floating ? half_handler(operation, type) : integer_handler(operation, type);
  }
  if (instruction.run == nullptr) statement.fail("unsupported instruction");
  assembler.emit(instruction);
}

}  // namespace

void add_arithmetic(DecoderTable& table) {
  for (const char* name :
       {"add", "sub", "mul", "mad", "div",  "rem",   "min", "max", "neg", "abs", "and", "or",   "xor",
        "not", "shl", "shr", "fma", "sqrt", "rsqrt", "rcp", "ex2", "lg2", "sin", "cos", "tanh", "copysign"}) {
    table[name] = decode;
  }
}

}  // namespace drift::emulator::ptx
