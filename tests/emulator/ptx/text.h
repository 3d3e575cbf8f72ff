// Cutting PTX text into pieces: comments, lists, literals, declarations, instructions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/emulator/ptx/types.h"

namespace drift::emulator::ptx {

enum class Type : u8 {
  kUnknown,
  kPred,
  kB8,
  kB16,
  kB32,
  kB64,
  kU8,
  kU16,
  kU32,
  kU64,
  kS8,
  kS16,
  kS32,
  kS64,
  kF16,
  kBF16,
  kF16x2,
  kBF16x2,
  kF32,
  kF64,
  kTF32
};

Type parse_type(std::string_view name);  // kUnknown if it is no type
u32 bytes_of(Type type);                 // 0 for predicates
bool is_float(Type type);
bool is_signed(Type type);
inline bool is_packed(Type type) {
  return type == Type::kF16x2 || type == Type::kBF16x2;
}

std::string trim(std::string_view text);
// At separators outside of all brackets; each piece trimmed.
std::vector<std::string> split(std::string_view text, char separator);
std::vector<std::string> words(std::string_view text);
// "{a, b}" -> "a, b"
std::string without_brackets(const std::string& text);
// Comments become blanks; lines stay where they are.
std::string strip_comments(std::string_view text);

bool is_literal(std::string_view text);
// The bits of an integer, 0f... or 0d... literal as a value of `bytes` bytes. Throws Error.
u64 parse_literal(const std::string& text, u32 bytes);

// ".global .align 4 .b8 name[128]"
struct Declaration {
  std::string name;
  std::string space;  // "global", "shared", "param", ...
  u64 bytes = 0;
  u32 alignment = 1, element_bytes = 0;
  bool external = false;
};
Declaration parse_declaration(std::string_view text);

// "@!%p1 ld.global.v2.f32 {%f1, %f2}, [%rd1+8]"
struct Statement {
  std::string text;
  int line = 0, source_line = 0;
  std::string guard;  // empty: none
  bool guard_negated = false;
  std::vector<std::string> opcode;  // ld, global, v2, f32
  std::vector<std::string> operands;

  const std::string& name() const { return opcode.front(); }
  bool has(std::string_view modifier) const;
  Type type() const { return parse_type(opcode.back()); }
  [[noreturn]] void fail(const std::string& why) const;
};
Statement parse_statement(std::string text, int line, int source_line);

}  // namespace drift::emulator::ptx
