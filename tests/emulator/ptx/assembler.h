// Reads the body of one kernel into a Program: scopes of registers and variables, labels, operands, and calls, which
// are inlined. Decoders (decode.h) use it to turn operands into offsets and to emit instructions.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/emulator/ptx/parser.h"
#include "tests/emulator/ptx/program.h"
#include "tests/emulator/ptx/text.h"

namespace drift::emulator::ptx {

class Assembler {
 public:
  Assembler(const Source& source, Program& program) : source_(source), program_(program) {}
  void assemble(const Function& kernel);

  // Operands. A size of 0 bytes asks for a predicate. Each throws if the operand is none of its kind.
  int read(const std::string& operand, u32 bytes);   // register, literal or address of a variable
  int write(const std::string& operand, u32 bytes);  // register; kNone for "_"
  // As read() and write(), but takes a register of any size and tells it.
  int read_sized(const std::string& operand, u32& bytes);
  int predicate(const std::string& operand, bool* negated = nullptr);
  // [register+offset], [variable+offset], [number]: sets a, address_bytes, immediate and, if known, the space.
  void address(Instruction& instruction, const std::string& operand);
  // Size of the register this operand names; 0 if it names none.
  u32 register_bytes(const std::string& operand) const;

  int new_register(u32 bytes);
  int constant(u64 value, u32 bytes);
  u8 next_slot() { return static_cast<u8>(slot_++ % 8); }

  void emit(const Instruction& instruction);
  void jump(Instruction instruction, const std::string& label);
  void jump_by_table(Instruction instruction, const std::string& table);
  void leave(Instruction instruction);  // ret: ends the thread, or goes back to the caller
  bool is_defined(const std::string& function) const { return source_.functions.count(function) != 0; }
  void inline_call(const Instruction& guard, const std::string& function, const std::vector<std::string>& returns,
                   const std::vector<std::string>& arguments);

 private:
  enum class SymbolKind : u8 { kRegister, kPredicate, kAddress, kDynamicShared };
  struct Symbol {
    SymbolKind kind = SymbolKind::kRegister;
    u32 bytes = 0;
    int offset = 0;  // registers: in the register file
    u64 value = 0;   // addresses: within the space
    Space space = Space::kGeneric;
  };
  using Scope = std::map<std::string, Symbol>;
  struct Fixup {
    std::size_t instruction;
    std::string label;
    bool is_table;
  };

  void body(std::size_t begin, std::size_t end);
  std::size_t directive_line(std::size_t at);
  std::size_t label(std::size_t begin, std::size_t colon);
  void declare(const std::string& text);
  void declare_registers(const std::string& text);
  void statement(const std::string& text);
  void resolve_fixups();
  const Symbol* find(const std::string& name);
  std::optional<int> special(const std::string& name);
  int address_constant(const Symbol& symbol, u64 offset, u32 bytes);
  [[noreturn]] void fail(const std::string& what) const;

  const Source& source_;
  Program& program_;
  std::vector<Scope> scopes_;  // [0]: shared variables of the module, taken in when first used
  std::map<std::pair<u64, u32>, int> constants_;
  std::map<std::string, int> specials_;
  std::map<std::string, std::size_t> labels_;
  std::map<std::string, std::vector<std::string>> tables_;
  std::vector<Fixup> fixups_;
  std::string prefix_;  // of labels, differs between inlined calls
  int depth_ = 0;       // of inlined calls
  int calls_ = 0;
  u32 slot_ = 0;
  Site site_;
};

}  // namespace drift::emulator::ptx
