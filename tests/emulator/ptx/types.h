// The device's number types and their roundings. Sixteen-bit floats are computed in double and rounded once (narrow),
// which is what a fused device instruction gives.
#pragma once

#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <immintrin.h>
#include <type_traits>

namespace drift::emulator::ptx {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using i8 = std::int8_t;
using i16 = std::int16_t;
using i32 = std::int32_t;
using i64 = std::int64_t;
__extension__ using i128 = __int128;
__extension__ using u128 = unsigned __int128;

struct Half {
  u16 bits;
};
struct BFloat16 {
  u16 bits;
};

template <typename T>
inline constexpr bool kIsFloat = std::is_floating_point_v<T> || std::same_as<T, Half> || std::same_as<T, BFloat16>;

// The type itself, but float for the 16-bit floats.
inline float widen(Half value) {
  return _cvtsh_ss(value.bits);
}
inline float widen(BFloat16 value) {
  return std::bit_cast<float>(static_cast<u32>(value.bits) << 16);
}
template <typename T>
inline T widen(T value) {
  return value;
}

inline BFloat16 round_to_bfloat16(float value) {
  const u32 bits = std::bit_cast<u32>(value);
  const u32 rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  return {static_cast<u16>((bits & 0x7fffffff) > 0x7f800000 ? 0x7fff : rounded)};
}

inline Half round_to_half(float value) {
  return {static_cast<u16>(value != value ? 0x7fff : _cvtss_sh(value, _MM_FROUND_TO_NEAREST_INT))};
}

// Inexact results get an odd last bit, so that a second rounding to 16 bits cannot go wrong.
inline float round_to_odd(double value) {
  const float nearest = static_cast<float>(value);
  const u32 bits = std::bit_cast<u32>(nearest);
  if (!std::isfinite(value) || static_cast<double>(nearest) == value || (bits & 1) != 0) return nearest;
  const bool too_large = std::fabs(static_cast<double>(nearest)) > std::fabs(value);
  return std::bit_cast<float>((too_large ? bits - 1 : bits + 1) | 1);
}

template <typename T>
inline T narrow(double value) {
  if constexpr (std::same_as<T, BFloat16>) {
    return round_to_bfloat16(round_to_odd(value));
  } else if constexpr (std::same_as<T, Half>) {
    return round_to_half(round_to_odd(value));
  } else {
    return static_cast<T>(value);
  }
}

// .ftz: a subnormal counts as zero of its sign.
inline float flush_subnormal(float value) {
  const u32 bits = std::bit_cast<u32>(value);
  return std::bit_cast<float>((bits & 0x7f800000) == 0 ? bits & 0x80000000 : bits);
}

// .sat: clamps to [0, 1]; NaN becomes 0.
template <std::floating_point T>
inline T saturate(T value) {
  return value > T(0) ? (value < T(1) ? value : T(1)) : T(0);
}

enum class Rounding : u8 { kNearest, kDown, kUp, kZero };

// Rounding other than to nearest for what is computed while this object lives.
class RoundingScope {
 public:
  explicit RoundingScope(Rounding rounding) : saved_(_mm_getcsr()) {
    _mm_setcsr((saved_ & ~0x6000u) | static_cast<u32>(rounding) << 13);
    asm volatile("" ::: "memory");
  }
  ~RoundingScope() {
    asm volatile("" ::: "memory");
    _mm_setcsr(saved_);
  }
  RoundingScope(const RoundingScope&) = delete;
  RoundingScope& operator=(const RoundingScope&) = delete;

 private:
  u32 saved_;
};

// Keeps the compiler from moving the computation of a value out of a RoundingScope.
template <typename T>
inline T opaque(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    asm volatile("" : "+x"(value));
  } else {
    asm volatile("" : "+r"(value));
  }
  return value;
}

}  // namespace drift::emulator::ptx
