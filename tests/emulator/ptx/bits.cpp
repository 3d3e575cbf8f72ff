// Bit manipulation: lop3, shf, prmt, bfe, bfi, bmsk, szext, popc, clz, brev, bfind; also sad and dp4a.
#include <algorithm>

#include "tests/emulator/ptx/decode.h"

namespace drift::emulator::ptx {
namespace {

// d = f(a, b, c) on 32-bit registers; f also gets the instruction for its variants.
template <typename F>
void run3(Warp& warp, const Instruction& i, u32 mask) {
  const u32* a = warp.lanes<u32>(i.a);
  const u32* b = warp.lanes<u32>(i.b);
  const u32* c = i.c != kNone ? warp.lanes<u32>(i.c) : a;
  map_lanes(warp.lanes<u32>(i.d), mask, [&](int lane) { return F()(i, a[lane], b[lane], c[lane]); });
}
template <typename F>
Handler ternary(F) {
  return run3<F>;
}

// Bit k of the table says what a, b, c of which k = 4a + 2b + c give. Shannon's expansion, one selection per input.
u32 lookup(u32 table, u32 a, u32 b, u32 c) {
  u32 by_ab[4];
  for (u32 k = 0; k < 4; ++k) {
    const u32 zero = 0 - (table >> 2 * k & 1), one = 0 - (table >> (2 * k + 1) & 1);
    by_ab[k] = (c & one) | (~c & zero);
  }
  const u32 without_a = (b & by_ab[1]) | (~b & by_ab[0]), with_a = (b & by_ab[3]) | (~b & by_ab[2]);
  return (a & with_a) | (~a & without_a);
}

// variant: 1 left; `integral`: the count wraps instead of being clamped.
u32 funnel_shift(const Instruction& i, u32 low, u32 high, u32 count) {
  const u32 n = i.integral ? count & 31 : std::min(count, 32u);
  const u64 value = static_cast<u64>(high) << 32 | low;
  if (i.variant == 1) return n == 32 ? low : static_cast<u32>(value << n >> 32);
  return n == 32 ? high : static_cast<u32>(value >> n);
}

u32 permute(u32 a, u32 b, u32 selector) {
  const u64 bytes = static_cast<u64>(b) << 32 | a;
  u32 result = 0;
  for (int k = 0; k < 4; ++k) {
    const u32 choice = selector >> 4 * k & 15;
    u32 byte = static_cast<u32>(bytes >> 8 * (choice & 7)) & 255;
    if ((choice & 8) != 0) byte = (byte & 128) != 0 ? 255 : 0;
    result |= byte << 8 * k;
  }
  return result;
}

u32 bit_mask(u32 position, u32 width) {
  if (position >= 32) return 0;
  return static_cast<u32>((width >= 32 ? ~0ull : (1ull << width) - 1) << position);
}

u32 extend_from(u32 value, u32 width, bool is_signed) {
  if (width >= 32) return value;
  if (width == 0) return 0;
  const u32 low = value & ((1u << width) - 1);
  return is_signed && (value >> (width - 1) & 1) != 0 ? low | ~0u << width : low;
}

u32 dot_bytes(bool a_signed, bool b_signed, u32 a, u32 b, u32 c) {
  i32 sum = static_cast<i32>(c);
  for (int k = 0; k < 4; ++k) {
    const i32 x = a_signed ? static_cast<i8>(a >> 8 * k) : static_cast<u8>(a >> 8 * k);
    const i32 y = b_signed ? static_cast<i8>(b >> 8 * k) : static_cast<u8>(b >> 8 * k);
    sum += x * y;
  }
  return static_cast<u32>(sum);
}

template <typename T>
T extract_field(T value, u32 position, u32 width) {
  constexpr u32 kBits = 8 * sizeof(T);
  position &= 255;
  width &= 255;
  if (width == 0) return 0;
  const bool negative = std::is_signed_v<T> && (value >> std::min(position + width - 1, kBits - 1) & 1) != 0;
  const T fill = negative ? static_cast<T>(-1) : T(0);
  if (position >= kBits) return fill;
  const T shifted = static_cast<T>(value >> position);
  if (position + width >= kBits) return shifted;
  const T field = static_cast<T>((T(1) << width) - 1);
  return static_cast<T>((shifted & field) | (fill & ~field));
}

template <typename T>
T insert_field(T field, T into, u32 position, u32 width) {
  constexpr u32 kBits = 8 * sizeof(T);
  position &= 255;
  width &= 255;
  if (position >= kBits || width == 0) return into;
  const T ones = width >= kBits ? static_cast<T>(-1) : static_cast<T>((T(1) << width) - 1);
  const T mask = static_cast<T>(ones << position);
  return static_cast<T>((into & ~mask) | (field << position & mask));
}

template <typename T>
void extract(Warp& warp, const Instruction& i, u32 mask) {
  const T* a = warp.lanes<T>(i.a);
  const u32* b = warp.lanes<u32>(i.b);
  const u32* c = warp.lanes<u32>(i.c);
  map_lanes(warp.lanes<T>(i.d), mask, [=](int lane) { return extract_field(a[lane], b[lane], c[lane]); });
}

template <typename T>
void insert(Warp& warp, const Instruction& i, u32 mask) {
  const T* a = warp.lanes<T>(i.a);
  const T* b = warp.lanes<T>(i.b);
  const u32* c = warp.lanes<u32>(i.c);
  const u32* e = warp.lanes<u32>(i.e);
  map_lanes(warp.lanes<T>(i.d), mask, [=](int lane) { return insert_field(a[lane], b[lane], c[lane], e[lane]); });
}

template <typename T, typename Result, typename F>
Handler counting(F) {
  return [](Warp& warp, const Instruction& i, u32 mask) {
    const T* a = warp.lanes<T>(i.a);
    map_lanes(warp.lanes<Result>(i.d), mask, [=](int lane) { return static_cast<Result>(F()(a[lane])); });
  };
}

template <typename T>
T reverse_bits(T value) {
  T result = 0;
  for (u32 k = 0; k < 8 * sizeof(T); ++k) result = static_cast<T>(result << 1 | (value >> k & 1));
  return result;
}

template <typename T>
Handler count_handler(std::string_view name, bool shift_amount) {
  if (name == "popc") return counting<T, u32>([](T a) { return std::popcount(a); });
  if (name == "clz") return counting<T, u32>([](T a) { return std::countl_zero(a); });
  if (name == "brev") return counting<T, T>([](T a) { return reverse_bits(a); });
  if (shift_amount) return counting<T, u32>([](T a) { return a == 0 ? ~0u : static_cast<u32>(std::countl_zero(a)); });
  return counting<T, u32>([](T a) { return a == 0 ? ~0u : static_cast<u32>(std::bit_width(a)) - 1; });
}

// Three 32-bit operands, or two and a literal.
void decode_ternary(Assembler& assembler, const Statement& statement, Instruction instruction) {
  const std::string& name = statement.name();
  const bool lookup_table = name == "lop3", two = name == "bmsk" || name == "szext";
  expect_operands(statement, lookup_table ? 5 : (two ? 3 : 4));
  if (bytes_of(statement.type()) != 4) statement.fail("unsupported instruction");
  instruction.d = assembler.write(statement.operands[0], 4);
  instruction.a = assembler.read(statement.operands[1], 4);
  instruction.b = assembler.read(statement.operands[2], 4);
  if (!two) instruction.c = assembler.read(statement.operands[3], 4);
  instruction.is_signed = is_signed(statement.type());
  instruction.integral = statement.has("wrap");
  using I = const Instruction&;
  if (lookup_table) {
    instruction.immediate = static_cast<i64>(parse_literal(statement.operands[4], 4));
    instruction.run = ternary([](I i, u32 a, u32 b, u32 c) { return lookup(static_cast<u32>(i.immediate), a, b, c); });
  } else if (name == "shf") {
    instruction.variant = statement.has("l") ? 1 : 0;
    instruction.run = ternary([](I i, u32 a, u32 b, u32 c) { return funnel_shift(i, a, b, c); });
  } else if (name == "prmt") {
    if (statement.opcode.size() != 2) statement.fail("unsupported instruction");  // f4e, rc8, ...
    instruction.run = ternary([](I, u32 a, u32 b, u32 c) { return permute(a, b, c); });
  } else if (name == "bmsk") {
    instruction.run =
        ternary([](I i, u32 a, u32 b, u32) { return i.integral ? bit_mask(a & 31, b & 31) : bit_mask(a, b); });
  } else if (name == "szext") {
    instruction.run =
        ternary([](I i, u32 a, u32 b, u32) { return extend_from(a, i.integral ? b & 31 : b, i.is_signed); });
  } else if (name == "sad") {
    instruction.run = ternary([](I i, u32 a, u32 b, u32 c) {
      const bool less = i.is_signed ? static_cast<i32>(a) < static_cast<i32>(b) : a < b;
      return c + (less ? b - a : a - b);
    });
  } else {
    instruction.variant = is_signed(parse_type(statement.opcode[1])) ? 1 : 0;
    instruction.run = ternary([](I i, u32 a, u32 b, u32 c) { return dot_bytes(i.variant == 1, i.is_signed, a, b, c); });
  }
  assembler.emit(instruction);
}

void decode_field(Assembler& assembler, const Statement& statement, Instruction instruction) {
  const bool inserts = statement.name() == "bfi";
  const u32 bytes = bytes_of(statement.type());
  expect_operands(statement, inserts ? 5 : 4);
  instruction.d = assembler.write(statement.operands[0], bytes);
  instruction.a = assembler.read(statement.operands[1], bytes);
  instruction.b = assembler.read(statement.operands[2], inserts ? bytes : 4);
  instruction.c = assembler.read(statement.operands[3], 4);
  if (inserts) {
    instruction.e = assembler.read(statement.operands[4], 4);
    instruction.run = bytes == 4 ? insert<u32> : insert<u64>;
  } else {
    instruction.run = with_integer(statement.type(), [](auto zero) -> Handler {
      using T = decltype(zero);
      if constexpr (sizeof(T) >= 4) return extract<T>;
      return nullptr;
    });
  }
  if (instruction.run == nullptr || bytes < 4) statement.fail("unsupported instruction");
  assembler.emit(instruction);
}

void decode_count(Assembler& assembler, const Statement& statement, Instruction instruction) {
  expect_operands(statement, 2);
  const std::string& name = statement.name();
  const u32 bytes = bytes_of(statement.type());
  if (bytes < 4 || is_signed(statement.type())) statement.fail("unsupported instruction");
  instruction.d = assembler.write(statement.operands[0], name == "brev" ? bytes : 4);
  instruction.a = assembler.read(statement.operands[1], bytes);
  const bool shift_amount = statement.has("shiftamt");
  instruction.run = bytes == 4 ? count_handler<u32>(name, shift_amount) : count_handler<u64>(name, shift_amount);
  assembler.emit(instruction);
}

}  // namespace

void add_bits(DecoderTable& table) {
  for (const char* name : {"lop3", "shf", "prmt", "bmsk", "szext", "sad", "dp4a"}) table[name] = decode_ternary;
  table["bfe"] = table["bfi"] = decode_field;
  for (const char* name : {"popc", "clz", "brev", "bfind"}) table[name] = decode_count;
}

}  // namespace drift::emulator::ptx
