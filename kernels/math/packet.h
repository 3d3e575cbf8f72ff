// Packet: 16 consecutive floats, the unit the memory-bound formulas in this folder are written in. GCC's and Clang's
// vector types make it one AVX-512 register, two AVX2 registers or four SSE registers; +, -, *, / work element by
// element. bfloat16 memory is widened on load and rounded to nearest even on store. A count says how many of the 16
// exist: Full{} for all (known when compiling), an int for the rest at an end, whose missing elements load as 0 and are
// not stored.
#pragma once

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "core/dtype.h"
#include "core/host_device.h"

namespace drift {

inline constexpr int kPacket = 16;
using Full = std::integral_constant<int, kPacket>;

using Packet = float __attribute__((vector_size(4 * kPacket)));
using PacketBits = std::uint16_t;  // one bit per element

namespace detail {
using Words = std::uint32_t __attribute__((vector_size(4 * kPacket)));
using Halves = std::uint16_t __attribute__((vector_size(2 * kPacket)));
}  // namespace detail

DRIFT_HD Packet widen(detail::Halves bits) {
#if defined(__AVX512F__)  // one instruction; GCC 12 makes three of the line below, and warns of the unmasked intrinsic
  const auto words = (detail::Words)_mm512_maskz_cvtepu16_epi32(0xffff, (__m256i)bits) << 16;
#else
  const detail::Words words = __builtin_convertvector(bits, detail::Words) << 16;
#endif
  Packet result;
  std::memcpy(&result, &words, sizeof result);
  return result;
}

// from_float<BFloat16>, 16 at a time.
DRIFT_HD detail::Halves narrow(Packet value) {
  detail::Words bits;
  std::memcpy(&bits, &value, sizeof bits);
  const detail::Words rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const detail::Words quiet = (bits >> 16) | 0x40u;
  return __builtin_convertvector((bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded, detail::Halves);
}

template <class N>
DRIFT_HD Packet load(const float* from, N n) {
  Packet value = {};
  std::memcpy(&value, from, sizeof(float) * static_cast<std::size_t>(n));
  return value;
}

template <class N>
DRIFT_HD Packet load(const BFloat16* from, N n) {
  detail::Halves bits = {};
  std::memcpy(&bits, from, sizeof(BFloat16) * static_cast<std::size_t>(n));
  return widen(bits);
}

template <class N>
DRIFT_HD void store(float* to, Packet value, N n) {
  std::memcpy(to, &value, sizeof(float) * static_cast<std::size_t>(n));
}

template <class N>
DRIFT_HD void store(BFloat16* to, Packet value, N n) {
  const detail::Halves bits = narrow(value);
  std::memcpy(to, &bits, sizeof(BFloat16) * static_cast<std::size_t>(n));
}

// What store followed by load would give.
template <class T>
DRIFT_HD Packet rounded_to(Packet value) {
  if constexpr (std::is_same_v<T, BFloat16>) return widen(narrow(value));
  return value;
}

DRIFT_HD Packet broadcast(float value) {
  return Packet{} + value;
}

// Bit j is set where element j > 0; bits at and above n are 0.
template <class N>
DRIFT_HD PacketBits positive_bits(Packet value, N n) {
#if defined(__AVX512F__)
  unsigned bits = _mm512_cmp_ps_mask((__m512)value, _mm512_setzero_ps(), _CMP_GT_OQ);
#else
  unsigned bits = 0;
  for (int j = 0; j < kPacket; ++j) bits |= static_cast<unsigned>(value[j] > 0) << j;
#endif
  if constexpr (!std::is_same_v<N, Full>) bits &= (1u << n) - 1;
  return static_cast<PacketBits>(bits);
}

// Elements whose bit is set, 0 elsewhere.
DRIFT_HD Packet keep(Packet value, PacketBits bits) {
#if defined(__AVX512F__)
  return (Packet)_mm512_maskz_mov_ps(bits, (__m512)value);
#else
  for (int j = 0; j < kPacket; ++j) value[j] = (bits >> j) & 1 ? value[j] : 0.0f;
  return value;
#endif
}

// Masks are [rows, ceil(columns/8)] bytes, so that rows start on bytes: the bits of the packet at `column` of a row.
DRIFT_HD std::int64_t mask_row_bytes(std::int64_t columns) {
  return (columns + 7) / 8;
}

template <class N>
DRIFT_HD PacketBits load_bits(const std::uint8_t* mask_row, std::int64_t column, N n) {
  PacketBits bits = 0;
  std::memcpy(&bits, mask_row + column / 8, (static_cast<std::size_t>(n) + 7) / 8);
  return bits;
}

template <class N>
DRIFT_HD void store_bits(std::uint8_t* mask_row, std::int64_t column, PacketBits bits, N n) {
  std::memcpy(mask_row + column / 8, &bits, (static_cast<std::size_t>(n) + 7) / 8);
}

}  // namespace drift
