#include "tests/emulator/ptx/text.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <utility>

#include "tests/emulator/ptx/ptx.h"

namespace drift::emulator::ptx {
namespace {

struct TypeEntry {
  std::string_view name;
  Type type;
  u32 bytes;
};
constexpr TypeEntry kTypes[] = {
    {"pred", Type::kPred, 0}, {"b8", Type::kB8, 1},   {"b16", Type::kB16, 2},       {"b32", Type::kB32, 4},
    {"b64", Type::kB64, 8},   {"u8", Type::kU8, 1},   {"u16", Type::kU16, 2},       {"u32", Type::kU32, 4},
    {"u64", Type::kU64, 8},   {"s8", Type::kS8, 1},   {"s16", Type::kS16, 2},       {"s32", Type::kS32, 4},
    {"s64", Type::kS64, 8},   {"f16", Type::kF16, 2}, {"bf16", Type::kBF16, 2},     {"f16x2", Type::kF16x2, 4},
    {"f32", Type::kF32, 4},   {"f64", Type::kF64, 8}, {"bf16x2", Type::kBF16x2, 4}, {"tf32", Type::kTF32, 4},
};

bool is_space(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}
bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

}  // namespace

Type parse_type(std::string_view name) {
  const auto* entry = std::find_if(std::begin(kTypes), std::end(kTypes), [&](auto& each) { return each.name == name; });
  return entry == std::end(kTypes) ? Type::kUnknown : entry->type;
}

u32 bytes_of(Type type) {
  const auto* entry = std::find_if(std::begin(kTypes), std::end(kTypes), [&](auto& each) { return each.type == type; });
  return entry == std::end(kTypes) ? 0 : entry->bytes;
}

bool is_float(Type type) {
  return type >= Type::kF16 && type <= Type::kF64;
}
bool is_signed(Type type) {
  return type >= Type::kS8 && type <= Type::kS64;
}

std::string trim(std::string_view text) {
  std::size_t begin = 0, end = text.size();
  while (begin < end && is_space(text[begin])) ++begin;
  while (end > begin && is_space(text[end - 1])) --end;
  return std::string(text.substr(begin, end - begin));
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> pieces;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '{' || c == '[' || c == '(') ++depth;
    if (c == '}' || c == ']' || c == ')') --depth;
    if (c == separator && depth == 0) {
      pieces.push_back(trim(text.substr(begin, i - begin)));
      begin = i + 1;
    }
  }
  std::string last = trim(text.substr(begin));
  if (!last.empty() || !pieces.empty()) pieces.push_back(std::move(last));
  return pieces;
}

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> result;
  std::size_t i = 0;
  while (i < text.size()) {
    while (i < text.size() && is_space(text[i])) ++i;
    const std::size_t begin = i;
    while (i < text.size() && !is_space(text[i])) ++i;
    if (i > begin) result.emplace_back(text.substr(begin, i - begin));
  }
  return result;
}

std::string without_brackets(const std::string& text) {
  return trim(text.substr(1, text.size() - 2));
}

std::string strip_comments(std::string_view text) {
  std::string result(text);
  std::size_t i = 0;
  while (i + 1 < result.size()) {
    if (result[i] != '/' || (result[i + 1] != '/' && result[i + 1] != '*')) {
      ++i;
      continue;
    }
    const bool line = result[i + 1] == '/';
    const std::size_t found = line ? result.find('\n', i) : result.find("*/", i + 2);
    const std::size_t end = found == std::string::npos ? result.size() : found + (line ? 0 : 2);
    for (; i < end; ++i) {
      if (result[i] != '\n') result[i] = ' ';
    }
  }
  return result;
}

bool is_literal(std::string_view text) {
  return !text.empty() && (is_digit(text[0]) || (text[0] == '-' && text.size() > 1 && is_digit(text[1])));
}

u64 parse_literal(const std::string& text, u32 bytes) {
  if (!is_literal(text)) throw Error("PTX: '" + text + "' is not a number");
  const char kind = text.size() > 2 && text[0] == '0' ? text[1] : ' ';
  if (kind == 'f' || kind == 'F') {
    const u32 bits = static_cast<u32>(std::strtoul(text.c_str() + 2, nullptr, 16));
    return bytes == 8 ? std::bit_cast<u64>(static_cast<double>(std::bit_cast<float>(bits))) : bits;
  }
  if (kind == 'd' || kind == 'D') {
    const u64 bits = std::strtoull(text.c_str() + 2, nullptr, 16);
    return bytes == 4 ? std::bit_cast<u32>(static_cast<float>(std::bit_cast<double>(bits))) : bits;
  }
  if (text[0] == '-') return static_cast<u64>(std::strtoll(text.c_str(), nullptr, 0));
  return std::strtoull(text.c_str(), nullptr, 0);
}

Declaration parse_declaration(std::string_view text) {
  Declaration result;
  bool pointer = false;  // what follows .ptr describes what the parameter points to
  u32 alignment = 0;
  std::string name;
  const std::vector<std::string> parts = words(text);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string& part = parts[i];
    if (part == ".align" && i + 1 < parts.size()) {
      const u32 value = static_cast<u32>(std::atoi(parts[++i].c_str()));
      if (!pointer) alignment = value;
    } else if (part[0] != '.') {
      name += part;
    } else if (part == ".ptr") {
      pointer = true;
    } else if (part == ".extern") {
      result.external = true;
    } else if (const Type type = parse_type(std::string_view(part).substr(1)); type != Type::kUnknown) {
      result.element_bytes = bytes_of(type);
    } else if (result.space.empty() && part != ".visible" && part != ".weak" && part != ".common") {
      result.space = part.substr(1);
    }
  }
  const std::size_t bracket = name.find('[');
  result.name = name.substr(0, bracket);
  u64 count = 1;
  for (std::size_t at = bracket; at != std::string::npos; at = name.find('[', at + 1)) {
    count *= std::strtoull(name.c_str() + at + 1, nullptr, 0);
  }
  result.bytes = count * result.element_bytes;
  result.alignment = std::max({alignment, alignment == 0 ? result.element_bytes : 0u, 1u});
  if (result.name.empty() || result.element_bytes == 0) {
    throw Error("PTX: cannot read the declaration '" + trim(text) + "'");
  }
  return result;
}

bool Statement::has(std::string_view modifier) const {
  return std::find(opcode.begin() + 1, opcode.end(), modifier) != opcode.end();
}

void Statement::fail(const std::string& why) const {
  const std::string source = source_line != 0 ? " (source line " + std::to_string(source_line) + ")" : "";
  throw Error("PTX line " + std::to_string(line) + source + ": " + why + ": " + text);
}

Statement parse_statement(std::string text, int line, int source_line) {
  Statement result;
  result.line = line;
  result.source_line = source_line;
  std::string_view rest = text;
  if (rest.front() == '@') {
    rest.remove_prefix(1);
    result.guard_negated = rest.front() == '!';
    if (result.guard_negated) rest.remove_prefix(1);
    const std::size_t end = std::min(rest.find(' '), rest.size());
    result.guard = rest.substr(0, end);
    rest.remove_prefix(end);
    while (!rest.empty() && is_space(rest.front())) rest.remove_prefix(1);
  }
  const std::size_t end = std::min(rest.find_first_of(" ({["), rest.size());
  result.opcode = split(rest.substr(0, end), '.');
  result.operands = split(rest.substr(end), ',');
  result.text = std::move(text);
  if (result.opcode.empty()) result.fail("there is no instruction");
  return result;
}

}  // namespace drift::emulator::ptx
