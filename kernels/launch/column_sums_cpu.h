// Sums over the rows of each segment, per column, of the F::kSums terms that a functor makes of every element. Chunks
// of rows are summed in float, in registers; their sums are added in double, in order.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "kernels/launch/for_each_cpu.h"

namespace drift {

// Floats of workspace that column_sums needs.
template <class F>
std::int64_t column_sums_workspace(const RowSpace& space) {
  return space.segments * chunk_count(space) * F::kSums * space.columns;
}

namespace detail {

// One tile of kPackets * 16 columns (or n < 16 of them) over rows [begin, end), kRows rows at once to hide the latency
// of additions.
template <int kPackets, int kRows, class N, class F>
void sum_tile(const F& f, std::int64_t segment, Range rows, std::int64_t column, N n, float* out,
              std::int64_t out_stride) {
  Packet sums[kPackets][kRows][F::kSums] = {};
  std::int64_t row = rows.begin;
  for (; row + kRows <= rows.end; row += kRows) {
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int p = 0; p < kPackets; ++p) f.terms(segment, row + r, column + p * kPacket, n, sums[p][r]);
    }
  }
  for (; row < rows.end; ++row) {
#pragma GCC unroll 4
    for (int p = 0; p < kPackets; ++p) f.terms(segment, row, column + p * kPacket, n, sums[p][0]);
  }
  for (int p = 0; p < kPackets; ++p) {
    for (int s = 0; s < F::kSums; ++s) {
      Packet total = sums[p][0][s];
      for (int r = 1; r < kRows; ++r) total += sums[p][r][s];
      store(out + s * out_stride + p * kPacket, total, n);
    }
  }
}

template <class F>
void sum_chunk(F f, std::int64_t segment, Range rows, std::int64_t columns, float* out) {
  std::int64_t column = 0;
  const auto tile = [&](auto packets, auto unroll) {
    sum_tile<packets(), unroll()>(f, segment, rows, column, Full{}, out + column, columns);
    column += packets() * kPacket;
  };
  using One = std::integral_constant<int, 1>;
  using Two = std::integral_constant<int, 2>;
  using Four = std::integral_constant<int, 4>;
  while (column + 4 * kPacket <= columns) tile(Four{}, One{});
  if (column + 2 * kPacket <= columns) tile(Two{}, Two{});
  if (column + kPacket <= columns) tile(One{}, Four{});
  if (column < columns) {
    sum_tile<1, 4>(f, segment, rows, column, static_cast<int>(columns - column), out + column, columns);
  }
}

}  // namespace detail

// totals = the sum over chunks [chunks, size of totals], in order.
inline void add_chunks(const float* chunks, std::int64_t count, std::span<double> totals) {
  std::ranges::fill(totals, 0.0);
  for (std::int64_t chunk = 0; chunk < count; ++chunk) {
    for (double& total : totals) total += *chunks++;
  }
}

// totals: double [segments, F::kSums, columns]; workspace: column_sums_workspace floats.
template <class F>
void column_sums(int threads, const RowSpace& space, const F& f, float* workspace, std::span<double> totals) {
  const std::int64_t chunks = chunk_count(space), size = chunk_rows(space.columns), stride = F::kSums * space.columns;
  const std::int64_t elements = space.segments * space.rows * space.columns;
  in_parallel(threads, space.segments * chunks, 1, elements, [&](Range part) {
    for (std::int64_t task = part.begin; task < part.end; ++task) {
      const std::int64_t segment = task / chunks, first = task % chunks * size;
      const Range rows{segment * space.rows + first, segment * space.rows + std::min(space.rows, first + size)};
      detail::sum_chunk(f, segment, rows, space.columns, workspace + task * stride);
    }
  });
  for (std::int64_t segment = 0; segment < space.segments; ++segment) {
    const auto first = static_cast<std::size_t>(segment * stride);
    add_chunks(workspace + segment * chunks * stride, chunks, totals.subspan(first, static_cast<std::size_t>(stride)));
  }
}

// finish(segment, column, sums) for every column of every segment, from the totals that column_sums left.
template <int kSums, class Finish>
void for_each_total(const RowSpace& space, std::span<const double> totals, const Finish& finish) {
  for (std::int64_t segment = 0; segment < space.segments; ++segment) {
    const double* const first = totals.data() + segment * kSums * space.columns;
    for (std::int64_t column = 0; column < space.columns; ++column) {
      double sums[kSums];
      for (int s = 0; s < kSums; ++s) sums[s] = first[s * space.columns + column];
      finish(segment, column, sums);
    }
  }
}

}  // namespace drift
