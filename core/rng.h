// Counter-based random numbers (Philox4x32-10; Salmon et al., SC 2011): number = f(seed, stream, index), a pure
// function. There is no generator state to save, share between threads or forget in a checkpoint. A stream is named by
// its purpose and two numbers, e.g. stream_id(Purpose::kAugment, epoch, position).
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "core/host_device.h"

namespace drift {

enum class Purpose : std::uint8_t {
  kTest,
  kInit,
  kShuffle,
  kReplacement,
  kAugment,
  kLabelNoise,
  kImages,
  kBatchNorm,
  kHoldOut
};

// The 64-bit name of a stream; a < 2^24 (an epoch, say), b < 2^32 (a position or a parameter's index).
DRIFT_HD std::uint64_t stream_id(Purpose purpose, std::uint64_t a = 0, std::uint64_t b = 0) {
  return (static_cast<std::uint64_t>(purpose) << 56) | ((a & 0xffffffu) << 32) | (b & 0xffffffffu);
}

struct Random4 {
  std::uint32_t word[4];
};

DRIFT_HD Random4 philox(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) {
  Random4 x = {{static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32),
                static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32)}};
  std::uint32_t key0 = static_cast<std::uint32_t>(seed);
  std::uint32_t key1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = 0xD2511F53ull * x.word[0];
    const std::uint64_t product1 = 0xCD9E8D57ull * x.word[2];
    x = {{static_cast<std::uint32_t>(product1 >> 32) ^ x.word[1] ^ key0, static_cast<std::uint32_t>(product1),
          static_cast<std::uint32_t>(product0 >> 32) ^ x.word[3] ^ key1, static_cast<std::uint32_t>(product0)}};
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return x;
}

// The numbers of one stream, by index.
class Rng {
 public:
  DRIFT_HD Rng(std::uint64_t seed, std::uint64_t stream) : seed_(seed), stream_(stream) {}

  DRIFT_HD std::uint32_t bits(std::uint64_t index) const { return philox(seed_, stream_, index >> 2).word[index & 3]; }

  // In [0, 1), a multiple of 2^-24.
  DRIFT_HD float uniform(std::uint64_t index) const { return static_cast<float>(bits(index) >> 8) * 0x1p-24f; }

  // Uniform over 0 .. n-1, n < 2^32; bias below n / 2^32.
  DRIFT_HD std::uint32_t below(std::uint64_t index, std::uint32_t n) const {
    return static_cast<std::uint32_t>((static_cast<std::uint64_t>(bits(index)) * n) >> 32);
  }

  // Standard normal (Box-Muller on words 2*index and 2*index+1).
  float normal(std::uint64_t index) const {
    const double u = (static_cast<double>(bits(2 * index)) + 0.5) * 0x1p-32;
    const double angle = (static_cast<double>(bits(2 * index + 1)) + 0.5) * 0x1p-32 * 6.283185307179586;
    return static_cast<float>(std::sqrt(-2.0 * std::log(u)) * std::cos(angle));
  }

 private:
  std::uint64_t seed_;
  std::uint64_t stream_;
};

}  // namespace drift
