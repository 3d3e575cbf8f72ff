// exp for packets, out of + - * and integer shifts only, so that every backend gets the same bits: exp(x) = 2^k exp(r)
// with k = round(x / ln 2), |r| <= ln 2 / 2 and a Taylor polynomial of degree 7 (truncation below 2^-27). Relative
// error below 3 ulp; arguments are clamped to [-87, 88], where the result is still a normal number.
#pragma once

#include "kernels/math/packet.h"

namespace drift {
inline namespace DRIFT_PACKETS {

DRIFT_HD Packet exponential(Packet x) {
  x = clamp(x, -87.0f, 88.0f);
  constexpr float kRound = 0x1.8p23f;  // adding it rounds to an integer in the low bits
  const Packet shifted = x * 1.44269504f + kRound;
  const Packet k = shifted - kRound;
  const Packet r = (x - k * 0.693359375f) - k * -2.12194440e-4f;  // ln 2 in two parts: the first product is exact
  Packet p = r * (1.0f / 5040.0f) + 1.0f / 720.0f;
  p = p * r + 1.0f / 120.0f;
  p = p * r + 1.0f / 24.0f;
  p = p * r + 1.0f / 6.0f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  return p * power_of_two(shifted);
}

}  // namespace DRIFT_PACKETS
}  // namespace drift
