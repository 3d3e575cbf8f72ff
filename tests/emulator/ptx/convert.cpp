// cvt between all integer and float types of 8 to 64 bits; bf16x2 and f16x2 from two f32; f32 to tf32.
// A register may be wider than the type it holds: sources are cut, integer results extended.
#include <cstring>
#include <limits>

#include "tests/emulator/ptx/decode.h"

namespace drift::emulator::ptx {
namespace {

double round_integral(double value, Rounding rounding) {
  switch (rounding) {
    case Rounding::kDown:
      return std::floor(value);
    case Rounding::kUp:
      return std::ceil(value);
    case Rounding::kZero:
      return std::trunc(value);
    default:
      return std::nearbyint(value);
  }
}

// Out of range: the nearest value there is. NaN: 0, but only the top bit set if one of the types has 64 bits.
template <typename D, typename S>
D float_to_integer(S source, Rounding rounding) {
  const double value = static_cast<double>(source);
  if (std::isnan(value)) return sizeof(D) == 8 || sizeof(S) == 8 ? static_cast<D>(1ull << (8 * sizeof(D) - 1)) : D(0);
  const double rounded = round_integral(value, rounding);
  if (rounded <= static_cast<double>(std::numeric_limits<D>::min())) return std::numeric_limits<D>::min();
  if (rounded >= static_cast<double>(std::numeric_limits<D>::max())) return std::numeric_limits<D>::max();
  return static_cast<D>(rounded);
}

// A directed rounding to f32 or f64 by the CPU's mode; bf16 and f16 only know rounding to zero here.
template <typename D, typename S>
D round_directed(S value, Rounding rounding) {
  if constexpr (std::same_as<D, BFloat16>) {
    const RoundingScope scope(rounding);
    const float single = opaque(static_cast<float>(opaque(value)));
    return {static_cast<u16>(std::bit_cast<u32>(single) >> 16)};
  } else if constexpr (std::same_as<D, Half>) {
    return {static_cast<u16>(_cvtss_sh(static_cast<float>(value), _MM_FROUND_TO_ZERO))};
  } else {
    const RoundingScope scope(rounding);
    return opaque(static_cast<D>(opaque(value)));
  }
}

template <typename D, typename S>
D float_to_float(S source, const Instruction& i) {
  double value = static_cast<double>(source);
  if (i.flush && sizeof(S) == sizeof(float)) value = static_cast<double>(flush_subnormal(static_cast<float>(source)));
  if (i.integral) value = round_integral(value, i.rounding);
  if (i.saturate) value = saturate(value);
  if (i.relu && value <= 0) value = 0;
  if (!i.integral && i.rounding != Rounding::kNearest && value == value) {
    return round_directed<D>(static_cast<S>(value), i.rounding);
  }
  const D result = narrow<D>(value);
  if constexpr (std::same_as<D, float>) return i.flush ? flush_subnormal(result) : result;
  return result;
}

template <typename D, typename S>
D integer_to_float(S value, Rounding rounding) {
  if constexpr (std::is_floating_point_v<D>) {
    return rounding == Rounding::kNearest ? static_cast<D>(value) : round_directed<D>(value, rounding);
  } else {
    return narrow<D>(static_cast<double>(value));
  }
}

template <typename D, typename S>
D convert(S source, const Instruction& i) {
  if constexpr (kIsFloat<S>) {
    const auto value = widen(source);
    if constexpr (kIsFloat<D>) {
      return float_to_float<D>(value, i);
    } else {
      if constexpr (sizeof(value) == sizeof(float)) {
        return float_to_integer<D>(i.flush ? flush_subnormal(value) : value, i.rounding);
      } else {
        return float_to_integer<D>(value, i.rounding);
      }
    }
  } else if constexpr (kIsFloat<D>) {
    return integer_to_float<D>(source, i.rounding);
  } else {
    if (!i.saturate) return static_cast<D>(source);
    const i128 wide = source, low = std::numeric_limits<D>::min(), high = std::numeric_limits<D>::max();
    return static_cast<D>(wide < low ? low : (wide > high ? high : wide));
  }
}

// Registers as wide as the types and no modifier: the conversions that loops are made of, vectorised where possible.
template <typename D, typename S>
void convert_plain(Warp& warp, const Instruction& i, u32 mask) {
  const S* a = warp.lanes<S>(i.a);
  map_lanes(warp.lanes<D>(i.d), mask, [=](int lane) {
    if constexpr (std::same_as<D, BFloat16> && !std::same_as<S, double>) {
      return round_to_bfloat16(static_cast<float>(widen(a[lane])));
    } else if constexpr (std::same_as<D, Half> && !std::same_as<S, double>) {
      return round_to_half(static_cast<float>(widen(a[lane])));
    } else if constexpr (std::same_as<D, Half> || std::same_as<D, BFloat16>) {
      return narrow<D>(a[lane]);
    } else {
      return static_cast<D>(widen(a[lane]));
    }
  });
}

template <typename D, typename S>
void convert_general(Warp& warp, const Instruction& i, u32 mask) {
  each_lane(mask, [&](int lane) {
    S source;
    std::memcpy(&source, warp.registers + i.a + lane * i.element_bytes, sizeof source);
    const D result = convert<D>(source, i);
    u64 extended = 0;
    if constexpr (kIsFloat<D>) {
      std::memcpy(&extended, &result, sizeof result);
    } else {
      extended = static_cast<u64>(static_cast<i64>(result));
    }
    std::memcpy(warp.registers + i.d + lane * i.register_bytes, &extended, i.register_bytes);
  });
}

template <typename D, typename S>
Handler choose(const Instruction& i) {
  constexpr bool kExact = !kIsFloat<S> || kIsFloat<D>;  // float to integer always rounds
  constexpr bool kSmallSource = kIsFloat<S> || sizeof(S) <= 4 || !kIsFloat<D> || sizeof(D) > 2;
  if constexpr (kExact && kSmallSource && !(std::integral<S> && kIsFloat<D> && sizeof(D) == 2)) {
    const bool modified = i.rounding != Rounding::kNearest || i.integral || i.flush || i.saturate || i.relu;
    if (!modified && i.element_bytes == sizeof(S) && i.register_bytes == sizeof(D)) return convert_plain<D, S>;
  }
  return convert_general<D, S>;
}

template <typename F>
Handler with_type(Type type, F f) {
  switch (type) {
    case Type::kU8:
      return f(u8());
    case Type::kS8:
      return f(i8());
    case Type::kU16:
      return f(u16());
    case Type::kS16:
      return f(i16());
    case Type::kU32:
      return f(u32());
    case Type::kS32:
      return f(i32());
    case Type::kU64:
      return f(u64());
    case Type::kS64:
      return f(i64());
    case Type::kF16:
      return f(Half());
    case Type::kBF16:
      return f(BFloat16());
    case Type::kF32:
      return f(float());
    case Type::kF64:
      return f(double());
    default:
      return nullptr;
  }
}

// Two f32 to one register; the first operand becomes the upper half.
template <typename T>
void convert_pair(Warp& warp, const Instruction& i, u32 mask) {
  const float* a = warp.lanes<float>(i.a);
  const float* b = warp.lanes<float>(i.b);
  const bool relu = i.relu;
  const auto half = [relu](float value) {
    if (relu && value <= 0) value = 0;
    if constexpr (std::same_as<T, BFloat16>) {
      return static_cast<u32>(round_to_bfloat16(value).bits);
    } else {
      return static_cast<u32>(round_to_half(value).bits);
    }
  };
  map_lanes(warp.lanes<u32>(i.d), mask, [=](int lane) { return half(a[lane]) << 16 | half(b[lane]); });
}

// Ten bits of mantissa, ties away from zero.
void convert_to_tf32(Warp& warp, const Instruction& i, u32 mask) {
  const u32* a = warp.lanes<u32>(i.a);
  map_lanes(warp.lanes<u32>(i.d), mask, [=](int lane) {
    const bool finite = (a[lane] & 0x7f800000) != 0x7f800000;
    return finite ? (a[lane] + 0x1000u) & ~0x1fffu : a[lane];
  });
}

void decode(Assembler& assembler, const Statement& statement, Instruction instruction) {
  if (statement.opcode.size() < 3 || statement.has("satfinite")) statement.fail("unsupported instruction");
  const Type to = parse_type(statement.opcode[statement.opcode.size() - 2]), from = statement.type();
  read_modifiers(statement, instruction);
  if (is_packed(to)) {
    expect_operands(statement, 3);
    if (from != Type::kF32 || instruction.rounding != Rounding::kNearest) statement.fail("unsupported instruction");
    instruction.b = assembler.read(statement.operands[2], 4);
    instruction.run = to == Type::kBF16x2 ? convert_pair<BFloat16> : convert_pair<Half>;
  } else {
    expect_operands(statement, 2);
  }
  u32 to_bytes = bytes_of(to), from_bytes = bytes_of(from);
  if (to == Type::kTF32) {
    if (!statement.has("rna")) statement.fail("unsupported instruction");
    instruction.run = convert_to_tf32;
  }
  instruction.a = assembler.read_sized(statement.operands[1], from_bytes);
  instruction.d = assembler.read_sized(statement.operands[0], to_bytes);
  instruction.element_bytes = static_cast<u8>(from_bytes);
  instruction.register_bytes = static_cast<u8>(to_bytes);
  if (instruction.run == nullptr) {
    instruction.run = with_type(to, [&](auto d) {
      return with_type(from, [&](auto s) { return choose<decltype(d), decltype(s)>(instruction); });
    });
  }
  if (instruction.run == nullptr) statement.fail("unsupported instruction");
  assembler.emit(instruction);
}

}  // namespace

void add_convert(DecoderTable& table) {
  table["cvt"] = decode;
}

}  // namespace drift::emulator::ptx
