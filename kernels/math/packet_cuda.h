// The GPU's Packet: 8 floats, so that a full one is a single 16-byte access of bfloat16 or two of float32. Counts that
// are not Full{} access memory element by element and so ask for no alignment. NaNs stay NaNs, but their payload is the
// hardware's.
#pragma once

#include <cstdint>
#include <cstring>
#include <cuda_bf16.h>
#include <limits>
#include <type_traits>

#include "core/dtype.h"
#include "core/host_device.h"

namespace drift {
inline namespace DRIFT_PACKETS {

inline constexpr int kPacket = 8;
struct Full {
  DRIFT_HD constexpr operator int() const { return kPacket; }
};

using PacketBits = std::uint8_t;  // one bit per element

struct Packet {
  float at[kPacket];

  Packet() = default;
  DRIFT_HD Packet(float value) {
    DRIFT_UNROLL
    for (int j = 0; j < kPacket; ++j) at[j] = value;
  }

  DRIFT_HD float& operator[](int j) { return at[j]; }
  DRIFT_HD float operator[](int j) const { return at[j]; }
  DRIFT_HD Packet& operator+=(Packet other) {
    DRIFT_UNROLL
    for (int j = 0; j < kPacket; ++j) at[j] += other.at[j];
    return *this;
  }
  DRIFT_HD Packet& operator-=(Packet other) {
    DRIFT_UNROLL
    for (int j = 0; j < kPacket; ++j) at[j] -= other.at[j];
    return *this;
  }
  DRIFT_HD Packet& operator*=(Packet other) {
    DRIFT_UNROLL
    for (int j = 0; j < kPacket; ++j) at[j] *= other.at[j];
    return *this;
  }
  DRIFT_HD Packet& operator/=(Packet other) {
    DRIFT_UNROLL
    for (int j = 0; j < kPacket; ++j) at[j] /= other.at[j];
    return *this;
  }
};

DRIFT_HD Packet operator+(Packet a, Packet b) {
  return a += b;
}
DRIFT_HD Packet operator-(Packet a, Packet b) {
  return a -= b;
}
DRIFT_HD Packet operator*(Packet a, Packet b) {
  return a *= b;
}
DRIFT_HD Packet operator/(Packet a, Packet b) {
  return a /= b;
}
DRIFT_HD Packet operator-(Packet a) {
  DRIFT_UNROLL
  for (int j = 0; j < kPacket; ++j) a.at[j] = -a.at[j];
  return a;
}

template <class To, class From>
DRIFT_HD To same_bits(From value) {
  static_assert(sizeof(To) == sizeof(From));
  To result;
  std::memcpy(&result, &value, sizeof result);
  return result;
}

// Pairs of bfloat16, the lower element in the lower half.
DRIFT_HD void widen(std::uint32_t pair, float& low, float& high) {
  low = same_bits<float>(pair << 16);
  high = same_bits<float>(pair & 0xffff0000u);
}

DRIFT_HD std::uint32_t narrow(float low, float high) {
  return same_bits<std::uint32_t>(__floats2bfloat162_rn(low, high));
}

template <class N>
DRIFT_HD Packet load(const float* from, N n) {
  Packet value;
  if constexpr (std::is_same_v<N, Full>) {
    const float4 low = reinterpret_cast<const float4*>(from)[0], high = reinterpret_cast<const float4*>(from)[1];
    value.at[0] = low.x, value.at[1] = low.y, value.at[2] = low.z, value.at[3] = low.w;
    value.at[4] = high.x, value.at[5] = high.y, value.at[6] = high.z, value.at[7] = high.w;
  } else {
    DRIFT_UNROLL
    for (int j = 0; j < kPacket; ++j) value.at[j] = j < n ? from[j] : 0.0f;
  }
  return value;
}

template <class N>
DRIFT_HD Packet load(const BFloat16* from, N n) {
  Packet value;
  if constexpr (std::is_same_v<N, Full>) {
    const uint4 pairs = *reinterpret_cast<const uint4*>(from);
    widen(pairs.x, value.at[0], value.at[1]);
    widen(pairs.y, value.at[2], value.at[3]);
    widen(pairs.z, value.at[4], value.at[5]);
    widen(pairs.w, value.at[6], value.at[7]);
  } else {
    DRIFT_UNROLL
    for (int j = 0; j < kPacket; ++j) value.at[j] = j < n ? to_float(from[j]) : 0.0f;
  }
  return value;
}

template <class N>
DRIFT_HD void store(float* to, Packet value, N n) {
  const float* v = value.at;
  if constexpr (std::is_same_v<N, Full>) {
    reinterpret_cast<float4*>(to)[0] = make_float4(v[0], v[1], v[2], v[3]);
    reinterpret_cast<float4*>(to)[1] = make_float4(v[4], v[5], v[6], v[7]);
  } else {
    DRIFT_UNROLL
    for (int j = 0; j < kPacket; ++j) {
      if (j < n) to[j] = v[j];
    }
  }
}

template <class N>
DRIFT_HD void store(BFloat16* to, Packet value, N n) {
  const float* v = value.at;
  if constexpr (std::is_same_v<N, Full>) {
    *reinterpret_cast<uint4*>(to) =
        make_uint4(narrow(v[0], v[1]), narrow(v[2], v[3]), narrow(v[4], v[5]), narrow(v[6], v[7]));
  } else {
    DRIFT_UNROLL
    for (int j = 0; j < kPacket; ++j) {
      if (j < n) to[j] = from_float<BFloat16>(v[j]);
    }
  }
}

// What store followed by load would give.
template <class T>
DRIFT_HD Packet rounded_to(Packet value) {
  if constexpr (std::is_same_v<T, BFloat16>) {
    DRIFT_UNROLL
    for (int j = 0; j < kPacket; j += 2) widen(narrow(value.at[j], value.at[j + 1]), value.at[j], value.at[j + 1]);
  }
  return value;
}

DRIFT_HD Packet broadcast(float value) {
  return value;
}

// 1 where an element is NaN or infinite, else 0: x - x is 0 for finite x alone.
DRIFT_HD Packet ones_where_not_finite(Packet x) {
  DRIFT_UNROLL
  for (int j = 0; j < kPacket; ++j) x.at[j] = x.at[j] - x.at[j] == 0.0f ? 0.0f : 1.0f;
  return x;
}

DRIFT_HD Packet clamp(Packet x, float lowest, float highest) {
  DRIFT_UNROLL
  for (int j = 0; j < kPacket; ++j) {
    x.at[j] = x.at[j] < lowest ? lowest : x.at[j];
    x.at[j] = x.at[j] > highest ? highest : x.at[j];
  }
  return x;
}

// 2^k, where the low bits of `shifted` hold the integer k (exponential.h).
DRIFT_HD Packet power_of_two(Packet shifted) {
  DRIFT_UNROLL
  for (int j = 0; j < kPacket; ++j) {
    shifted.at[j] = same_bits<float>((same_bits<std::uint32_t>(shifted.at[j]) + 127u) << 23);
  }
  return shifted;
}

// Bit j is set where element j passes a ReLU: unless it is <= 0, so a NaN does. Bits at and above n are 0.
template <class N>
DRIFT_HD PacketBits passing_bits(Packet value, N n) {
  unsigned bits = 0;
  DRIFT_UNROLL
  for (int j = 0; j < kPacket; ++j) bits |= static_cast<unsigned>(!(value.at[j] <= 0)) << j;
  if constexpr (!std::is_same_v<N, Full>) bits &= (1u << n) - 1;
  return static_cast<PacketBits>(bits);
}

// Elements whose bit is set, 0 elsewhere.
DRIFT_HD Packet keep(Packet value, PacketBits bits) {
  DRIFT_UNROLL
  for (int j = 0; j < kPacket; ++j) value.at[j] = (bits >> j) & 1 ? value.at[j] : 0.0f;
  return value;
}

// value times its bits. Unlike what keep() drops, a NaN times 0 is a NaN.
DRIFT_HD Packet times_bits(Packet value, PacketBits bits) {
  DRIFT_UNROLL
  for (int j = 0; j < kPacket; ++j) value.at[j] *= (bits >> j) & 1 ? 1.0f : 0.0f;
  return value;
}

// The gradient in front of a ReLU, from its result y: dy where y is positive, else dy y, which is 0 or a NaN.
DRIFT_HD Packet relu_gradient(Packet y, Packet dy) {
  DRIFT_UNROLL
  for (int j = 0; j < kPacket; ++j) dy.at[j] = y.at[j] > 0 ? dy.at[j] : dy.at[j] * y.at[j];
  return dy;
}

// The bits of the packet at `column` of a row of a mask: one byte.
template <class N>
DRIFT_HD PacketBits load_bits(const std::uint8_t* mask_row, std::int64_t column, N) {
  return mask_row[column / 8];
}

template <class N>
DRIFT_HD void store_bits(std::uint8_t* mask_row, std::int64_t column, PacketBits bits, N) {
  mask_row[column / 8] = bits;
}

// The largest of the packets taken, element by element, and the place of the one it was, the first of equals. The first
// NaN is larger than everything. first_place: of the first packet, which wins even if it is -infinity.
struct PacketMaximum {
  Packet value = -std::numeric_limits<float>::infinity();
  int place[kPacket];

  DRIFT_HD explicit PacketMaximum(std::int32_t first_place) {
    DRIFT_UNROLL
    for (int j = 0; j < kPacket; ++j) place[j] = first_place;
  }
  DRIFT_HD void take(Packet other, std::int64_t other_place) {
    DRIFT_UNROLL
    for (int j = 0; j < kPacket; ++j) {
      const bool better = !(other.at[j] <= value.at[j]) && value.at[j] == value.at[j];
      value.at[j] = better ? other.at[j] : value.at[j];
      place[j] = better ? static_cast<int>(other_place) : place[j];
    }
  }
  template <class N>
  DRIFT_HD void store_places(std::uint8_t* to, N n) const {
    if constexpr (std::is_same_v<N, Full>) {
      const auto four = [](const int* p) { return static_cast<unsigned>(p[0] | p[1] << 8 | p[2] << 16 | p[3] << 24); };
      *reinterpret_cast<uint2*>(to) = make_uint2(four(place), four(place + 4));
    } else {
      DRIFT_UNROLL
      for (int j = 0; j < kPacket; ++j) {
        if (j < n) to[j] = static_cast<std::uint8_t>(place[j]);
      }
    }
  }
};

// A few packets, subscripted while running: by selection, because a subscript would move them from registers to memory.
template <int kCount>
class Packets {
 public:
  DRIFT_HD explicit Packets(int) {}
  DRIFT_HD Packet get(int i) const {
    Packet result = packets_[0];
    DRIFT_UNROLL
    for (int j = 1; j < kCount; ++j) {
      if (j == i) result = packets_[j];
    }
    return result;
  }
  DRIFT_HD void set(int i, Packet value) {
    DRIFT_UNROLL
    for (int j = 0; j < kCount; ++j) {
      if (j == i) packets_[j] = value;
    }
  }

 private:
  Packet packets_[kCount];
};

// sum + value where places[j] is `place`.
template <class N>
DRIFT_HD Packet add_where(Packet sum, Packet value, const std::uint8_t* places, std::int64_t place, N n) {
  if constexpr (std::is_same_v<N, Full>) {
    const uint2 bytes = *reinterpret_cast<const uint2*>(places);
    DRIFT_UNROLL
    for (int j = 0; j < kPacket; ++j) {
      const unsigned byte = ((j < 4 ? bytes.x : bytes.y) >> (j % 4 * 8)) & 0xffu;
      sum.at[j] += byte == static_cast<unsigned>(place) ? value.at[j] : 0.0f;
    }
  } else {
    DRIFT_UNROLL
    for (int j = 0; j < kPacket; ++j) {
      if (j < n) sum.at[j] += places[j] == place ? value.at[j] : 0.0f;
    }
  }
  return sum;
}

}  // namespace DRIFT_PACKETS
}  // namespace drift
