// The CPU's Packet: 16 floats as a vector type of GCC and Clang, which is one AVX-512 register, two AVX2 registers or
// four SSE registers.
#pragma once

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "core/dtype.h"
#include "core/host_device.h"

namespace drift {
inline namespace DRIFT_PACKETS {

inline constexpr int kPacket = 16;
using Full = std::integral_constant<int, kPacket>;

using Packet = float __attribute__((vector_size(4 * kPacket)));
using PacketBits = std::uint16_t;  // one bit per element

using PacketWords = std::uint32_t __attribute__((vector_size(4 * kPacket)));
using PacketInts = std::int32_t __attribute__((vector_size(4 * kPacket)));
using PacketHalves = std::uint16_t __attribute__((vector_size(2 * kPacket)));
using PacketBytes = std::uint8_t __attribute__((vector_size(kPacket)));

DRIFT_HD Packet widen(PacketHalves bits) {
#if defined(__AVX512F__)  // one instruction; GCC 12 makes three of the line below, and warns of the unmasked intrinsic
  const auto words = (PacketWords)_mm512_maskz_cvtepu16_epi32(0xffff, (__m256i)bits) << 16;
#else
  const PacketWords words = __builtin_convertvector(bits, PacketWords) << 16;
#endif
  Packet result;
  std::memcpy(&result, &words, sizeof result);
  return result;
}

// from_float<BFloat16>, 16 at a time.
DRIFT_HD PacketHalves narrow(Packet value) {
  PacketWords bits;
  std::memcpy(&bits, &value, sizeof bits);
  const PacketWords rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const PacketWords quiet = (bits >> 16) | 0x40u;
  return __builtin_convertvector((bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded, PacketHalves);
}

template <class N>
DRIFT_HD Packet load(const float* from, N n) {
  Packet value = {};
  std::memcpy(&value, from, sizeof(float) * static_cast<std::size_t>(n));
  return value;
}

template <class N>
DRIFT_HD Packet load(const BFloat16* from, N n) {
  PacketHalves bits = {};
  std::memcpy(&bits, from, sizeof(BFloat16) * static_cast<std::size_t>(n));
  return widen(bits);
}

template <class N>
DRIFT_HD void store(float* to, Packet value, N n) {
  std::memcpy(to, &value, sizeof(float) * static_cast<std::size_t>(n));
}

template <class N>
DRIFT_HD void store(BFloat16* to, Packet value, N n) {
  const PacketHalves bits = narrow(value);
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

// 1 where an element is NaN or infinite, else 0: x - x is 0 for finite x alone.
DRIFT_HD Packet ones_where_not_finite(Packet x) {
  return x - x == Packet{} ? Packet{} : broadcast(1.0f);
}

DRIFT_HD Packet clamp(Packet x, float lowest, float highest) {
  x = x < lowest ? broadcast(lowest) : x;
  return x > highest ? broadcast(highest) : x;
}

// 2^k, where the low bits of `shifted` hold the integer k (exponential.h).
DRIFT_HD Packet power_of_two(Packet shifted) {
  PacketWords power;
  std::memcpy(&power, &shifted, sizeof power);
  power = (power + 127u) << 23;
  Packet result;
  std::memcpy(&result, &power, sizeof result);
  return result;
}

// Bit j is set where element j passes a ReLU: unless it is <= 0, so a NaN does. Bits at and above n are 0.
template <class N>
DRIFT_HD PacketBits passing_bits(Packet value, N n) {
#if defined(__AVX512F__)
  unsigned bits = _mm512_cmp_ps_mask((__m512)value, _mm512_setzero_ps(), _CMP_NLE_UQ);
#else
  unsigned bits = 0;
  for (int j = 0; j < kPacket; ++j) bits |= static_cast<unsigned>(!(value[j] <= 0)) << j;
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

// value times its bits. Unlike what keep() drops, a NaN times 0 is a NaN.
DRIFT_HD Packet times_bits(Packet value, PacketBits bits) {
#if defined(__AVX512F__)
  const auto blocked = static_cast<PacketBits>(~bits);
  return (Packet)_mm512_mask_mul_ps((__m512)value, blocked, (__m512)value, _mm512_setzero_ps());
#else
  for (int j = 0; j < kPacket; ++j) value[j] *= static_cast<float>((bits >> j) & 1);
  return value;
#endif
}

// The gradient in front of a ReLU, from its result y: dy where y is positive, else dy y, which is 0 or a NaN.
DRIFT_HD Packet relu_gradient(Packet y, Packet dy) {
  return y > 0.0f ? dy : dy * y;
}

// The bits of the packet at `column` of a row of a mask.
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

// The largest of the packets taken, element by element, and the place of the one it was, the first of equals. The first
// NaN is larger than everything. first_place: of the first packet, which wins even if it is -infinity.
struct PacketMaximum {
  Packet value = broadcast(-std::numeric_limits<float>::infinity());
  PacketInts place;

  DRIFT_HD explicit PacketMaximum(std::int32_t first_place) : place(PacketInts{} + first_place) {}
  DRIFT_HD void take(Packet other, std::int64_t other_place) {
    const PacketInts better = ~(other <= value) & (value == value);
    value = better ? other : value;
    place = better ? PacketInts{} + static_cast<std::int32_t>(other_place) : place;
  }
  template <class N>
  DRIFT_HD void store_places(std::uint8_t* to, N n) const {
    const PacketBytes bytes = __builtin_convertvector(__builtin_convertvector(place, PacketHalves), PacketBytes);
    std::memcpy(to, &bytes, static_cast<std::size_t>(n));
  }
};

// Up to kCount packets, subscripted while running; `used` says how many are touched.
template <int kCount>
class Packets {
 public:
  DRIFT_HD explicit Packets(int used) {
    for (int i = 0; i < used; ++i) packets_[i] = Packet{};
  }
  DRIFT_HD Packet get(int i) const { return packets_[i]; }
  DRIFT_HD void set(int i, Packet value) { packets_[i] = value; }

 private:
  Packet packets_[kCount];
};

// sum + value where places[j] is `place`.
template <class N>
DRIFT_HD Packet add_where(Packet sum, Packet value, const std::uint8_t* places, std::int64_t place, N n) {
  PacketBytes bytes = {};
  std::memcpy(&bytes, places, static_cast<std::size_t>(n));
  // By way of 16 bits: GCC 12 converts from 8 to 32 bits, or back, element by element.
  const PacketInts found = __builtin_convertvector(__builtin_convertvector(bytes, PacketHalves), PacketInts);
  return sum + (found == static_cast<std::int32_t>(place) ? value : Packet{});
}

}  // namespace DRIFT_PACKETS
}  // namespace drift
