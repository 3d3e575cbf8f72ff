// Sixteen floats in an AVX-512 register, read from and written to float32 or bfloat16. Only for files that are compiled
// for AVX-512 whatever the rest of the program is compiled for: everything here is inlined, so that none of it can
// stand in for a function of the same name elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <immintrin.h>

#define DRIFT_WINOGRAD_INLINE static inline __attribute__((always_inline))

namespace drift::winograd {

inline constexpr int kLanes = 16;

using Vector = __m512;
using Mask = __mmask16;
using Bf16Bits = std::uint16_t;  // a BFloat16 as it lies in memory

inline constexpr Mask kAllLanes = 0xffff;

DRIFT_WINOGRAD_INLINE Vector splat(float x) {
  return _mm512_set1_ps(x);
}

// Zero where the mask is 0; such memory is not touched.
DRIFT_WINOGRAD_INLINE Vector load(const float* from, Mask mask = kAllLanes) {
  return _mm512_maskz_loadu_ps(mask, from);
}
DRIFT_WINOGRAD_INLINE Vector widened(__m256i bf16) {
  const __m512i words = _mm512_maskz_cvtepu16_epi32(kAllLanes, bf16);
  return _mm512_castsi512_ps(_mm512_maskz_slli_epi32(kAllLanes, words, 16));
}
DRIFT_WINOGRAD_INLINE Vector load(const Bf16Bits* from, Mask mask = kAllLanes) {
  return widened(_mm256_maskz_loadu_epi16(mask, from));
}

DRIFT_WINOGRAD_INLINE void store(float* to, Vector value) {
  _mm512_storeu_ps(to, value);
}
// Rounds to nearest even; the instruction takes what is too small for a normalised number as 0.
DRIFT_WINOGRAD_INLINE void store(Bf16Bits* to, Vector value) {
  const __m256bh bits = _mm512_maskz_cvtneps_pbh(kAllLanes, value);
  __builtin_memcpy(to, &bits, sizeof bits);
}

// What a load would read where it was stored.
DRIFT_WINOGRAD_INLINE Vector as_stored(const float*, Vector value) {
  return value;
}
DRIFT_WINOGRAD_INLINE Vector as_stored(const Bf16Bits*, Vector value) {
  return widened((__m256i)_mm512_maskz_cvtneps_pbh(kAllLanes, value));
}

// a b + c and c - a b, rounded once.
DRIFT_WINOGRAD_INLINE Vector multiply_add(Vector a, Vector b, Vector c) {
  return _mm512_fmadd_ps(a, b, c);
}
DRIFT_WINOGRAD_INLINE Vector negative_multiply_add(Vector a, Vector b, Vector c) {
  return _mm512_fnmadd_ps(a, b, c);
}

// The larger of 0 and x, a NaN where x is one.
DRIFT_WINOGRAD_INLINE Vector rectify(Vector x) {
  return _mm512_maskz_max_ps(kAllLanes, splat(0), x);
}

// value where x > 0 or a NaN, else value times 0.
DRIFT_WINOGRAD_INLINE Vector times_passing(Vector value, Vector x) {
  return _mm512_mask_mul_ps(value, _mm512_cmp_ps_mask(x, splat(0), _CMP_LE_OQ), value, splat(0));
}

// rows[i] lane j becomes rows[j] lane i: for each bit of the numbers, halves of pairs of rows change places.
DRIFT_WINOGRAD_INLINE void transpose(Vector (&rows)[kLanes]) {
#pragma GCC unroll 4
  for (int bit = 1; bit < kLanes; bit *= 2) {
    alignas(64) std::int32_t low[kLanes], high[kLanes];
    for (int lane = 0; lane < kLanes; ++lane) {
      const bool upper = (lane & bit) != 0;
      low[lane] = upper ? kLanes + lane - bit : lane;
      high[lane] = upper ? kLanes + lane : lane + bit;
    }
    const __m512i from_low = _mm512_load_si512(low), from_high = _mm512_load_si512(high);
#pragma GCC unroll 16
    for (int row = 0; row < kLanes; ++row) {
      if ((row & bit) != 0) continue;
      const Vector a = rows[row], b = rows[row + bit];
      rows[row] = _mm512_permutex2var_ps(a, from_low, b);
      rows[row + bit] = _mm512_permutex2var_ps(a, from_high, b);
    }
  }
}

}  // namespace drift::winograd
