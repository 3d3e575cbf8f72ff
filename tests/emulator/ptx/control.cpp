// Control flow: bra, brx, ret, exit, trap, call; and the instructions that have nothing to do here, such as fences.
#include "tests/emulator/ptx/decode.h"
#include "tests/emulator/ptx/output.h"

namespace drift::emulator::ptx {
namespace {

void decode_branch(Assembler& assembler, const Statement& statement, Instruction instruction) {
  expect_operands(statement, 1);
  assembler.jump(instruction, statement.operands[0]);
}

// brx.idx %r1, table;
void decode_indexed_branch(Assembler& assembler, const Statement& statement, Instruction instruction) {
  expect_operands(statement, 2);
  instruction.a = assembler.read(statement.operands[0], 4);
  assembler.jump_by_table(instruction, statement.operands[1]);
}

void decode_return(Assembler& assembler, const Statement&, Instruction instruction) {
  assembler.leave(instruction);
}

void decode_exit(Assembler& assembler, const Statement&, Instruction instruction) {
  instruction.kind = Kind::kExit;
  assembler.emit(instruction);
}

void decode_trap(Assembler& assembler, const Statement&, Instruction instruction) {
  instruction.kind = Kind::kTrap;
  assembler.emit(instruction);
}

// call.uni (result), function, (arguments);   both lists may be missing
void decode_call(Assembler& assembler, const Statement& statement, Instruction instruction) {
  const std::vector<std::string>& operands = statement.operands;
  const auto is_list = [](const std::string& text) { return text.front() == '('; };
  const auto list = [](const std::string& text) { return split(without_brackets(text), ','); };
  const std::size_t at = !operands.empty() && is_list(operands[0]) ? 1 : 0;
  if (operands.size() <= at) statement.fail("unsupported instruction");
  const std::string& function = operands[at];
  const std::vector<std::string> returns = at == 1 ? list(operands[0]) : std::vector<std::string>();
  std::vector<std::string> arguments;
  if (operands.size() > at + 1 && is_list(operands[at + 1])) arguments = list(operands[at + 1]);
  if (emit_builtin_call(assembler, instruction, function, returns, arguments)) return;
  if (!assembler.is_defined(function)) statement.fail("call of the unknown function " + function);
  assembler.inline_call(instruction, function, returns, arguments);
}

void decode_nothing(Assembler&, const Statement&, Instruction) {}

}  // namespace

void add_control(DecoderTable& table) {
  table["bra"] = decode_branch;
  table["brx"] = decode_indexed_branch;
  table["ret"] = decode_return;
  table["exit"] = decode_exit;
  table["trap"] = table["brkpt"] = decode_trap;
  table["call"] = decode_call;
  // Instructions run one at a time and caches do not exist; launches do not overlap.
  for (const char* name :
       {"membar", "fence", "prefetch", "prefetchu", "nanosleep", "griddepcontrol", "discard", "applypriority"}) {
    table[name] = decode_nothing;
  }
}

}  // namespace drift::emulator::ptx
