// Comparisons (setp, set, testp) and what is done with predicates (and, or, xor, not, mov of .pred; selp, slct).
#include "tests/emulator/ptx/decode.h"

namespace drift::emulator::ptx {
namespace {

// A bit per lane from 0 or -1 per lane.
u32 collect(const i32* flags) {
  u32 mask = 0;
  for (int k = 0; k < 4; ++k) {
    const __m256 part = _mm256_load_ps(reinterpret_cast<const float*>(flags + 8 * k));
    mask |= static_cast<u32>(_mm256_movemask_ps(part)) << 8 * k;
  }
  return mask;
}

template <typename T, int kPack, typename F>
u64 compare_lanes(Warp& warp, const Instruction& i) {
  const T* a = warp.lanes<T>(i.a);
  const T* b = warp.lanes<T>(i.b);
  u64 result = 0;
  for (int part = 0; part < kPack; ++part) {
    alignas(32) i32 flags[kLanes];
#pragma GCC ivdep
    for (int lane = 0; lane < kLanes; ++lane) {
      flags[lane] = -static_cast<i32>(F()(widen(a[lane * kPack + part]), widen(b[lane * kPack + part])));
    }
    result |= static_cast<u64>(collect(flags)) << 32 * part;
  }
  return result;
}

template <typename T, int kPack, typename F>
Comparer make(F) {
  return compare_lanes<T, kPack, F>;
}

template <typename T>
Comparer ordered(std::string_view operation) {
  if (operation == "eq") return make<T, 1>([](T a, T b) { return a == b; });
  if (operation == "ne") return make<T, 1>([](T a, T b) { return a != b; });
  if (operation == "lt" || operation == "lo") return make<T, 1>([](T a, T b) { return a < b; });
  if (operation == "le" || operation == "ls") return make<T, 1>([](T a, T b) { return a <= b; });
  if (operation == "gt" || operation == "hi") return make<T, 1>([](T a, T b) { return a > b; });
  if (operation == "ge" || operation == "hs") return make<T, 1>([](T a, T b) { return a >= b; });
  return nullptr;
}

// Plain comparisons are false if an operand is NaN; those that end in u are true.
template <typename T, int kPack = 1>
Comparer floating(std::string_view operation) {
  using W = decltype(widen(T()));
  if (operation == "eq") return make<T, kPack>([](W a, W b) { return a == b; });
  if (operation == "ne") return make<T, kPack>([](W a, W b) { return a < b || a > b; });
  if (operation == "lt") return make<T, kPack>([](W a, W b) { return a < b; });
  if (operation == "le") return make<T, kPack>([](W a, W b) { return a <= b; });
  if (operation == "gt") return make<T, kPack>([](W a, W b) { return a > b; });
  if (operation == "ge") return make<T, kPack>([](W a, W b) { return a >= b; });
  if (operation == "equ") return make<T, kPack>([](W a, W b) { return !(a < b || a > b); });
  if (operation == "neu") return make<T, kPack>([](W a, W b) { return !(a == b); });
  if (operation == "ltu") return make<T, kPack>([](W a, W b) { return !(a >= b); });
  if (operation == "leu") return make<T, kPack>([](W a, W b) { return !(a > b); });
  if (operation == "gtu") return make<T, kPack>([](W a, W b) { return !(a <= b); });
  if (operation == "geu") return make<T, kPack>([](W a, W b) { return !(a < b); });
  if (operation == "num") return make<T, kPack>([](W a, W b) { return a == a && b == b; });
  if (operation == "nan") return make<T, kPack>([](W a, W b) { return a != a || b != b; });
  return nullptr;
}

Comparer comparer(std::string_view operation, Type type) {
  switch (type) {
    case Type::kB16:
    case Type::kU16:
      return ordered<u16>(operation);
    case Type::kS16:
      return ordered<i16>(operation);
    case Type::kB32:
    case Type::kU32:
      return ordered<u32>(operation);
    case Type::kS32:
      return ordered<i32>(operation);
    case Type::kB64:
    case Type::kU64:
      return ordered<u64>(operation);
    case Type::kS64:
      return ordered<i64>(operation);
    case Type::kF32:
      return floating<float>(operation);
    case Type::kF64:
      return floating<double>(operation);
    case Type::kF16:
      return floating<Half>(operation);
    case Type::kBF16:
      return floating<BFloat16>(operation);
    case Type::kF16x2:
      return floating<Half, 2>(operation);
    case Type::kBF16x2:
      return floating<BFloat16, 2>(operation);
    default:
      return nullptr;
  }
}

enum Combine : u8 { kReplace, kAnd, kOr, kXor };

u32 combine(u32 value, u32 other, u8 how) {
  switch (how) {
    case kAnd:
      return value & other;
    case kOr:
      return value | other;
    case kXor:
      return value ^ other;
    default:
      return value;
  }
}

u32 combined_predicate(const Warp& warp, const Instruction& i, u32 value) {
  if (i.variant == kReplace) return value;
  const u32 other = warp.predicate(i.c);
  return combine(value, i.operand_negated ? ~other : other, i.variant);
}

// p|q: q is the opposite of p, or the upper half's result of a packed comparison.
void set_predicate(Warp& warp, const Instruction& i, u32 mask) {
  const u64 value = i.compare(warp, i);
  const u32 low = static_cast<u32>(value), second = i.vector == 2 ? static_cast<u32>(value >> 32) : ~low;
  const u32 p = combined_predicate(warp, i, low), q = combined_predicate(warp, i, second);
  if (i.d != kNone) warp.assign_predicate(i.d, p, mask);
  if (i.d2 != kNone) warp.assign_predicate(i.d2, q, mask);
}

// set: the value for true is in `immediate`; a packed result has one per half.
void set_value(Warp& warp, const Instruction& i, u32 mask) {
  const u64 value = i.compare(warp, i);
  const u32 low = combined_predicate(warp, i, static_cast<u32>(value));
  const u32 high = combined_predicate(warp, i, static_cast<u32>(value >> 32));
  const u32 yes = static_cast<u32>(i.immediate);
  if (i.vector == 2) {
    map_lanes(warp.lanes<u32>(i.d), mask,
              [=](int lane) { return ((low >> lane & 1) != 0 ? yes : 0) | ((high >> lane & 1) != 0 ? yes << 16 : 0); });
  } else if (i.register_bytes == 2) {
    map_lanes(warp.lanes<u16>(i.d), mask, [=](int lane) { return static_cast<u16>((low >> lane & 1) != 0 ? yes : 0); });
  } else {
    map_lanes(warp.lanes<u32>(i.d), mask, [=](int lane) { return (low >> lane & 1) != 0 ? yes : 0; });
  }
}

u32 value_for_true(const Statement& statement, Type result) {
  switch (result) {
    case Type::kU32:
    case Type::kS32:
      return is_packed(statement.type()) ? 0xffff : 0xffffffff;
    case Type::kU16:
    case Type::kS16:
      return 0xffff;
    case Type::kF32:
      return 0x3f800000;
    case Type::kF16:
    case Type::kF16x2:
      return 0x3c00;
    case Type::kBF16:
    case Type::kBF16x2:
      return 0x3f80;
    default:
      statement.fail("unsupported instruction");
  }
}

// setp.lt.and.f32 p|q, a, b, r;  set.lt.u32.f32 d, a, b;
void decode_compare(Assembler& assembler, const Statement& statement, Instruction instruction) {
  const bool to_predicate = statement.name() == "setp";
  const Type type = statement.type();
  const u32 bytes = bytes_of(type);
  if (statement.opcode.size() < 3) statement.fail("unsupported instruction");
  if (statement.has("and")) instruction.variant = kAnd;
  if (statement.has("or")) instruction.variant = kOr;
  if (statement.has("xor")) instruction.variant = kXor;
  expect_operands(statement, instruction.variant == kReplace ? 3 : 4);
  instruction.compare = comparer(statement.opcode[1], type);
  if (instruction.compare == nullptr) statement.fail("unsupported instruction");
  instruction.vector = is_packed(type) ? 2 : 1;
  if (to_predicate) {
    const std::vector<std::string> targets = split(statement.operands[0], '|');
    instruction.d = assembler.predicate(targets[0]);
    if (targets.size() > 1) instruction.d2 = assembler.predicate(targets[1]);
    instruction.run = set_predicate;
  } else {
    const Type result = parse_type(statement.opcode[statement.opcode.size() - 2]);
    instruction.immediate = value_for_true(statement, result);
    instruction.register_bytes = static_cast<u8>(bytes_of(result));
    instruction.d = assembler.write(statement.operands[0], instruction.register_bytes);
    instruction.run = set_value;
  }
  instruction.a = assembler.read(statement.operands[1], bytes);
  instruction.b = assembler.read(statement.operands[2], bytes);
  if (instruction.variant != kReplace) {
    instruction.c = assembler.predicate(statement.operands[3], &instruction.operand_negated);
  }
  assembler.emit(instruction);
}

template <typename T>
void select_by_predicate(Warp& warp, const Instruction& i, u32 mask) {
  const T* a = warp.lanes<T>(i.a);
  const T* b = warp.lanes<T>(i.b);
  const u32 chosen = i.operand_negated ? ~warp.predicate(i.c) : warp.predicate(i.c);
  map_lanes(warp.lanes<T>(i.d), mask, [=](int lane) { return (chosen >> lane & 1) != 0 ? a[lane] : b[lane]; });
}

template <typename T, typename Sign>
void select_by_sign(Warp& warp, const Instruction& i, u32 mask) {
  const T* a = warp.lanes<T>(i.a);
  const T* b = warp.lanes<T>(i.b);
  const Sign* c = warp.lanes<Sign>(i.c);
  map_lanes(warp.lanes<T>(i.d), mask, [=](int lane) { return c[lane] >= 0 ? a[lane] : b[lane]; });
}

void decode_select(Assembler& assembler, const Statement& statement, Instruction instruction) {
  expect_operands(statement, 4);
  const bool by_sign = statement.name() == "slct";
  const Type condition = statement.type();
  const Type type = by_sign ? parse_type(statement.opcode[1]) : condition;
  const u32 bytes = bytes_of(type);
  instruction.d = assembler.write(statement.operands[0], bytes);
  instruction.a = assembler.read(statement.operands[1], bytes);
  instruction.b = assembler.read(statement.operands[2], bytes);
  if (!by_sign) {
    instruction.c = assembler.predicate(statement.operands[3], &instruction.operand_negated);
    instruction.run = bytes == 2   ? select_by_predicate<u16>
                      : bytes == 4 ? select_by_predicate<u32>
                                   : select_by_predicate<u64>;
  } else {
    if (bytes < 4 || (condition != Type::kS32 && condition != Type::kF32)) statement.fail("unsupported instruction");
    instruction.c = assembler.read(statement.operands[3], 4);
    const bool integer = condition == Type::kS32;
    instruction.run = bytes == 4 ? (integer ? select_by_sign<u32, i32> : select_by_sign<u32, float>)
                                 : (integer ? select_by_sign<u64, i32> : select_by_sign<u64, float>);
  }
  assembler.emit(instruction);
}

template <typename T>
Comparer test(std::string_view property) {
  if (property == "finite") return make<T, 1>([](T a, T) { return std::isfinite(a); });
  if (property == "infinite") return make<T, 1>([](T a, T) { return std::isinf(a); });
  if (property == "number") return make<T, 1>([](T a, T) { return !std::isnan(a); });
  if (property == "notanumber") return make<T, 1>([](T a, T) { return std::isnan(a); });
  if (property == "normal") return make<T, 1>([](T a, T) { return std::isnormal(a); });
  if (property == "subnormal") return make<T, 1>([](T a, T) { return std::fpclassify(a) == FP_SUBNORMAL; });
  return nullptr;
}

void decode_test(Assembler& assembler, const Statement& statement, Instruction instruction) {
  expect_operands(statement, 2);
  const bool wide = statement.type() == Type::kF64;
  instruction.compare = wide ? test<double>(statement.opcode[1]) : test<float>(statement.opcode[1]);
  if (instruction.compare == nullptr) statement.fail("unsupported instruction");
  instruction.d = assembler.predicate(statement.operands[0]);
  instruction.a = instruction.b = assembler.read(statement.operands[1], wide ? 8 : 4);
  instruction.vector = 1;
  instruction.run = set_predicate;
  assembler.emit(instruction);
}

void combine_predicates(Warp& warp, const Instruction& i, u32 mask) {
  const u32 first = i.operand_negated ? ~warp.predicate(i.a) : warp.predicate(i.a);
  warp.assign_predicate(i.d, combine(first, i.b != kNone ? warp.predicate(i.b) : 0, i.variant), mask);
}

void set_constant_predicate(Warp& warp, const Instruction& i, u32 mask) {
  warp.assign_predicate(i.d, i.immediate != 0 ? kAllLanes : 0, mask);
}

}  // namespace

void decode_predicate_logic(Assembler& assembler, const Statement& statement, Instruction instruction) {
  const std::string& name = statement.name();
  const bool unary = name == "mov" || name == "not";
  expect_operands(statement, unary ? 2 : 3);
  if (name == "and") instruction.variant = kAnd;
  if (name == "or") instruction.variant = kOr;
  if (name == "xor") instruction.variant = kXor;
  if (!unary && instruction.variant == kReplace) statement.fail("unsupported instruction");
  instruction.d = assembler.predicate(statement.operands[0]);
  if (is_literal(statement.operands[1])) {
    instruction.immediate = static_cast<i64>(parse_literal(statement.operands[1], 4));
    instruction.run = set_constant_predicate;
  } else {
    instruction.a = assembler.predicate(statement.operands[1], &instruction.operand_negated);
    if (!unary) instruction.b = assembler.predicate(statement.operands[2]);
    if (name == "not") instruction.operand_negated = !instruction.operand_negated;
    instruction.run = combine_predicates;
  }
  assembler.emit(instruction);
}

void add_compare(DecoderTable& table) {
  table["setp"] = table["set"] = decode_compare;
  table["selp"] = table["slct"] = decode_select;
  table["testp"] = decode_test;
}

}  // namespace drift::emulator::ptx
