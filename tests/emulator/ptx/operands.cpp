// The assembler's second half: names, literals and addresses become offsets into the register file.
#include <algorithm>
#include <cstdlib>

#include "tests/emulator/ptx/assembler.h"

namespace drift::emulator::ptx {
namespace {

struct SpecialName {
  std::string_view name;
  Special special;
};
constexpr SpecialName kSpecials[] = {
    {"%tid.x", Special::kTidX},
    {"%tid.y", Special::kTidY},
    {"%tid.z", Special::kTidZ},
    {"%ntid.x", Special::kNtidX},
    {"%ntid.y", Special::kNtidY},
    {"%ntid.z", Special::kNtidZ},
    {"%ctaid.x", Special::kCtaidX},
    {"%ctaid.y", Special::kCtaidY},
    {"%ctaid.z", Special::kCtaidZ},
    {"%nctaid.x", Special::kNctaidX},
    {"%nctaid.y", Special::kNctaidY},
    {"%nctaid.z", Special::kNctaidZ},
    {"%laneid", Special::kLaneId},
    {"%warpid", Special::kWarpId},
    {"%lanemask_lt", Special::kLaneMaskLt},
    {"%lanemask_le", Special::kLaneMaskLe},
    {"%lanemask_gt", Special::kLaneMaskGt},
    {"%lanemask_ge", Special::kLaneMaskGe},
    {"%lanemask_eq", Special::kLaneMaskEq},
    {"%dynamic_smem_size", Special::kDynamicShared},
    {"%total_smem_size", Special::kTotalShared},
    {"%smid", Special::kSmId},
    {"%nsmid", Special::kSmCount},
    {"%nwarpid", Special::kWarpCount},
    {"%envreg1", Special::kGridWorkspaceHigh},
    {"%envreg2", Special::kGridWorkspaceLow},
};

// "name+8" -> name, 8; a lone number has no name.
struct NameAndOffset {
  std::string name;
  u64 offset = 0;
};
NameAndOffset split_offset(const std::string& text) {
  const std::size_t sign = text.find_first_of("+-", 1);
  if (sign == std::string::npos) return {text, 0};
  std::string digits = text.substr(sign + (text[sign] == '+' ? 1 : 0));
  digits.erase(std::remove(digits.begin(), digits.end(), ' '), digits.end());
  return {trim(std::string_view(text).substr(0, sign)), parse_literal(digits, 8)};
}

}  // namespace

void Assembler::fail(const std::string& what) const {
  throw Error("PTX line " + std::to_string(site_.line) + ": " + what +
              (site_.text.empty() ? "" : " (at or after: " + site_.text + ")"));
}

int Assembler::new_register(u32 bytes) {
  const int offset = static_cast<int>(program_.register_bytes);
  const u32 used = bytes == 0 ? sizeof(u32) : bytes * kLanes;
  program_.register_bytes += (used + 63) / 64 * 64;
  return offset;
}

int Assembler::constant(u64 value, u32 bytes) {
  if (bytes < 8) value &= (1ull << 8 * bytes) - 1;
  const auto [found, is_new] = constants_.try_emplace({value, bytes}, kNone);
  if (is_new) {
    found->second = new_register(bytes);
    program_.constants.push_back({found->second, bytes, value, false});
  }
  return found->second;
}

const Assembler::Symbol* Assembler::find(const std::string& name) {
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    const auto found = scope->find(name);
    if (found != scope->end()) return &found->second;
  }
  const auto shared = source_.shared.find(name);
  if (shared == source_.shared.end()) return nullptr;
  Symbol symbol{SymbolKind::kAddress, static_cast<u32>(shared->second.bytes), kNone, 0, Space::kShared};
  if (shared->second.dynamic) {
    symbol.kind = SymbolKind::kDynamicShared;
    program_.dynamic_alignment = std::max(program_.dynamic_alignment, shared->second.alignment);
  } else {
    const u32 alignment = shared->second.alignment;
    symbol.value = (program_.shared_bytes + alignment - 1) / alignment * alignment;
    program_.shared_bytes = static_cast<u32>(symbol.value + shared->second.bytes);
  }
  return &(scopes_.front()[name] = symbol);
}

std::optional<int> Assembler::special(const std::string& name) {
  const auto known = specials_.find(name);
  if (known != specials_.end()) return known->second;
  const auto* entry =
      std::find_if(std::begin(kSpecials), std::end(kSpecials), [&](auto& each) { return each.name == name; });
  if (entry == std::end(kSpecials)) return std::nullopt;
  const int offset = new_register(4);
  program_.specials.push_back({offset, entry->special});
  specials_[name] = offset;
  return offset;
}

int Assembler::address_constant(const Symbol& symbol, u64 offset, u32 bytes) {
  if (symbol.kind == SymbolKind::kAddress) return constant(symbol.value + offset, bytes);
  const int at = new_register(bytes);
  program_.constants.push_back({at, bytes, offset, true});
  return at;
}

u32 Assembler::register_bytes(const std::string& operand) const {
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    const auto found = scope->find(operand);
    if (found != scope->end()) return found->second.kind == SymbolKind::kRegister ? found->second.bytes : 0;
  }
  return 0;
}

int Assembler::read_sized(const std::string& operand, u32& bytes) {
  if (is_literal(operand)) return constant(parse_literal(operand, bytes), bytes);
  const Symbol* exact = find(operand);
  if (exact != nullptr && exact->kind == SymbolKind::kRegister) {
    bytes = exact->bytes;
    return exact->offset;
  }
  if (operand == "WARP_SZ") return constant(kLanes, bytes);
  if (const std::optional<int> offset = special(operand)) {
    bytes = 4;
    return *offset;
  }
  const NameAndOffset split = split_offset(operand);
  const Symbol* symbol = find(split.name);
  if (symbol != nullptr && symbol->kind >= SymbolKind::kAddress) return address_constant(*symbol, split.offset, bytes);
  const auto variable = source_.variables.find(split.name);
  if (variable == source_.variables.end()) fail("unknown operand " + operand);
  return constant(variable->second.address + split.offset, bytes);
}

int Assembler::read(const std::string& operand, u32 bytes) {
  u32 found = bytes;
  const int offset = read_sized(operand, found);
  if (found != bytes) {
    fail(operand + " has " + std::to_string(found) + " bytes, the instruction takes " + std::to_string(bytes));
  }
  return offset;
}

int Assembler::write(const std::string& operand, u32 bytes) {
  if (operand == "_") return kNone;
  const Symbol* symbol = find(operand);
  if (symbol == nullptr || symbol->kind != SymbolKind::kRegister) fail(operand + " is not a register");
  return read(operand, bytes);
}

int Assembler::predicate(const std::string& operand, bool* negated) {
  if (operand == "_") return kNone;
  const bool negate = operand[0] == '!';
  const Symbol* symbol = find(negate ? trim(std::string_view(operand).substr(1)) : operand);
  if (symbol == nullptr || symbol->kind != SymbolKind::kPredicate || (negate && negated == nullptr)) {
    fail(operand + " is not a predicate that can stand here");
  }
  if (negated != nullptr) *negated = negate;
  return symbol->offset;
}

void Assembler::address(Instruction& instruction, const std::string& operand) {
  if (operand.size() < 3 || operand.front() != '[') fail(operand + " is not an address");
  const NameAndOffset split = split_offset(without_brackets(operand));
  instruction.immediate = static_cast<i64>(split.offset);
  if (is_literal(split.name)) {
    instruction.immediate += static_cast<i64>(parse_literal(split.name, 8));
    return;
  }
  if (const Symbol* symbol = find(split.name)) {
    if (symbol->kind == SymbolKind::kRegister) {
      instruction.a = symbol->offset;
      instruction.address_bytes = static_cast<u8>(symbol->bytes);
      return;
    }
    instruction.space = symbol->space;
    if (symbol->kind == SymbolKind::kDynamicShared) {
      instruction.a = address_constant(*symbol, 0, 8);
      instruction.address_bytes = 8;
    } else {
      instruction.immediate += static_cast<i64>(symbol->value);
    }
    return;
  }
  const auto variable = source_.variables.find(split.name);
  if (variable == source_.variables.end()) fail("unknown address " + operand);
  instruction.immediate += static_cast<i64>(variable->second.address);
}

}  // namespace drift::emulator::ptx
