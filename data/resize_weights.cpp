#include "data/resize_weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <utility>

namespace drift {
namespace {

constexpr int kFraction = 22;  // bits of a weight: sums of 8-bit pixels stay below 2^31
constexpr std::int32_t kHalf = std::int32_t{1} << (kFraction - 1);

// Bytes that are weighted at once, whose sums fill a register. With more of them g++ 12 takes each by itself.
#if defined(__AVX512F__)
constexpr std::int64_t kLanes = 16;
#elif defined(__AVX2__)
constexpr std::int64_t kLanes = 8;
#else
constexpr std::int64_t kLanes = 4;
#endif

using Bytes __attribute__((vector_size(kLanes))) = std::uint8_t;
using Words __attribute__((vector_size(2 * kLanes))) = std::uint16_t;
using Sums __attribute__((vector_size(4 * kLanes))) = std::int32_t;

inline void add(Sums& sums, const std::uint8_t* from, std::int32_t weight) {
  Sums widened;
  for (int i = 0; i < kLanes; ++i) widened[i] = from[i];
  sums += widened * weight;
}

// No sum is below 0, for no weight is.
inline void round(const Sums& sums, std::uint8_t* to) {
  const Sums shifted = sums >> kFraction;
  const Words words = __builtin_convertvector(shifted > 255 ? Sums{} + 255 : shifted, Words);
  const Bytes rounded = __builtin_convertvector(words, Bytes);
  std::memcpy(to, &rounded, sizeof rounded);
}

// Part of a line: the weighted sum of so many lines.
inline void weigh(const std::uint8_t* from, std::int64_t apart, std::span<const std::int32_t> weights,
                  std::uint8_t* to) {
  Sums sums = Sums{} + kHalf;
  for (const std::int32_t weight : weights) {
    add(sums, from, weight);
    from += apart;
  }
  round(sums, to);
}

// Three such parts, which wait less for each other.
inline void weigh_three(const std::uint8_t* from, std::int64_t apart, std::span<const std::int32_t> weights,
                        std::uint8_t* to) {
  Sums a = Sums{} + kHalf, b = a, c = a;
  for (const std::int32_t weight : weights) {
    add(a, from, weight);
    add(b, from + kLanes, weight);
    add(c, from + 2 * kLanes, weight);
    from += apart;
  }
  round(a, to);
  round(b, to + kLanes);
  round(c, to + 2 * kLanes);
}

}  // namespace

void ResizeWeights::set(std::int64_t inputs, double origin, double extent, std::int64_t outputs, std::int64_t begin,
                        std::int64_t count) {
  const double scale = extent / static_cast<double>(outputs), support = std::max(scale, 1.0);
  const auto centre_of = [&](std::int64_t i) { return origin + (static_cast<double>(begin + i) + 0.5) * scale; };
  const auto low_of = [&](double centre) { return static_cast<std::int64_t>(std::max(centre - support + 0.5, 0.0)); };
  const auto high_of = [&](double centre) {
    return std::min(static_cast<std::int64_t>(centre + support + 0.5), inputs);
  };
  most_ = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    most_ = std::max(most_, static_cast<std::size_t>(high_of(centre_of(i)) - low_of(centre_of(i))));
  }
  first_.resize(static_cast<std::size_t>(count));
  values_.assign(static_cast<std::size_t>(count) * most_, 0);
  std::vector<double> weights(most_);
  for (std::int64_t i = 0; i < count; ++i) {
    const double centre = centre_of(i);
    const std::int64_t low = low_of(centre), high = high_of(centre);
    double total = 0;
    for (std::int64_t k = low; k < high; ++k) {
      const double distance = std::abs((static_cast<double>(k) - centre + 0.5) * (1.0 / support));
      weights[static_cast<std::size_t>(k - low)] = std::max(1.0 - distance, 0.0);
      total += weights[static_cast<std::size_t>(k - low)];
    }
    // Where all of most_ would reach past the last input, they begin earlier, with weights of 0.
    const std::int64_t start = std::min(low, inputs - static_cast<std::int64_t>(most_));
    first_[static_cast<std::size_t>(i)] = start;
    std::int32_t* const to = values_.data() + static_cast<std::size_t>(i) * most_ + (low - start);
    for (std::int64_t k = 0; k < high - low; ++k) {
      to[k] = static_cast<std::int32_t>(0.5 + weights[static_cast<std::size_t>(k)] / total * (1 << kFraction));
    }
  }
}

void ResizeWeights::mirror() {
  const auto weights = [this](std::size_t output) {
    return values_.begin() + static_cast<std::ptrdiff_t>(output * most_);
  };
  for (std::size_t left = 0, right = first_.size() - 1; left < right; ++left, --right) {
    std::swap(first_[left], first_[right]);
    std::swap_ranges(weights(left), weights(left + 1), weights(right));
  }
}

std::int64_t ResizeWeights::first_input() const {
  return *std::ranges::min_element(first_);
}

std::int64_t ResizeWeights::end_input() const {
  return *std::ranges::max_element(first_) + static_cast<std::int64_t>(most_);
}

void ResizeWeights::apply(const std::uint8_t* from, std::int64_t from_apart, std::int64_t bytes, std::uint8_t* to,
                          std::int64_t to_apart) const {
  const std::int64_t skipped = first_input();
  for (std::size_t output = 0; output < first_.size(); ++output, to += to_apart) {
    const std::span weights = std::span(values_).subspan(output * most_, most_);
    const std::uint8_t* const input = from + (first_[output] - skipped) * from_apart;
    std::int64_t at = 0;
    for (; bytes - at >= 3 * kLanes; at += 3 * kLanes) weigh_three(input + at, from_apart, weights, to + at);
    for (; bytes - at >= kLanes; at += kLanes) weigh(input + at, from_apart, weights, to + at);
    if (at == bytes) continue;
    std::uint8_t rest[kLanes];  // of the line, and what is behind it
    weigh(input + at, from_apart, weights, rest);
    std::memcpy(to + at, rest, static_cast<std::size_t>(bytes - at));
  }
}

}  // namespace drift
