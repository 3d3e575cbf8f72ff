// Sums over the rows of each segment, per column, of the F::kSums terms that a functor makes of every element, on a
// GPU. Two kernels, no atomics, so the bits depend on the shape alone: blocks sum chunks of rows in float, in registers
// and then in a fixed tree through shared memory; the chunks' sums are added in double in a fixed tree, and the functor
// `finish` turns the sums of a column into what the caller needs, without a round trip to the host.
#pragma once

#include <cstdint>

#include "kernels/launch/for_each_cuda.cuh"

namespace drift {
inline namespace DRIFT_PACKETS {

// Floats of workspace that column_sums needs.
template <class F>
std::int64_t column_sums_workspace(const RowSpace& space) {
  return space.segments * row_grid(space, kPacket, kSumLimits).chunks * F::kSums * space.columns;
}

namespace launch {

// partials: [segments, chunks, kSums, columns]
template <bool kAligned, class F>
__global__ void __launch_bounds__(kBlockThreads) partial_sums(RowGrid grid, RowSpace space, F f, float* partials) {
  __shared__ float shared[F::kSums * kPacket][kBlockThreads];
  const int thread = static_cast<int>(threadIdx.x);
  const RowPlace place = row_place(here(), grid, kPacket);
  const std::int64_t left = space.columns - place.column;
  const int count = static_cast<int>(left < kPacket ? left : kPacket);
  Packet sums[F::kSums] = {};
  visit_rows(place, grid, space, [&](std::int64_t row) {
    if constexpr (kAligned) {
      f.terms(place.segment, row, place.column, Full{}, sums);
    } else {
      f.terms(place.segment, row, place.column, count, sums);
    }
  });

  int above = 1;  // the power of two at or above the block's rows
  while (above < grid.rows) above *= 2;
  DRIFT_UNROLL
  for (int k = 0; k < F::kSums * kPacket; ++k) shared[k][thread] = sums[k / kPacket][k % kPacket];
  for (int half = above / 2; half > 0; half /= 2) {
    __syncthreads();
    if (place.row >= half || place.row + half >= grid.rows) continue;
    DRIFT_UNROLL
    for (int k = 0; k < F::kSums * kPacket; ++k) shared[k][thread] += shared[k][thread + half * grid.packets];
  }
  if (place.row != 0 || left <= 0) return;
  float* const out = partials + (place.segment * grid.chunks + place.chunk) * F::kSums * space.columns + place.column;
  DRIFT_UNROLL
  for (int k = 0; k < F::kSums * kPacket; ++k) {
    if (k % kPacket < count) out[k / kPacket * space.columns + k % kPacket] = shared[k][thread];
  }
}

// A block takes kFinishColumns columns of one segment; its other threads share the chunks.
inline constexpr int kFinishColumns = 8;

template <int kSums, class Finish>
__global__ void __launch_bounds__(kBlockThreads)
    finish_sums(const float* partials, RowSpace space, std::int64_t chunks, Finish finish) {
  constexpr int kShares = kBlockThreads / kFinishColumns;
  __shared__ double shared[kSums][kBlockThreads];
  const int thread = static_cast<int>(threadIdx.x), share = thread / kFinishColumns;
  const std::int64_t tiles = ceil_div(space.columns, kFinishColumns);
  const std::int64_t segment = blockIdx.x / tiles;
  const std::int64_t column = blockIdx.x % tiles * kFinishColumns + thread % kFinishColumns;
  double sums[kSums] = {};
  if (column < space.columns) {
    for (std::int64_t chunk = share; chunk < chunks; chunk += kShares) {
      const float* const from = partials + (segment * chunks + chunk) * kSums * space.columns + column;
      DRIFT_UNROLL
      for (int s = 0; s < kSums; ++s) sums[s] += double{from[s * space.columns]};
    }
  }
  DRIFT_UNROLL
  for (int s = 0; s < kSums; ++s) shared[s][thread] = sums[s];
  for (int half = kShares / 2; half > 0; half /= 2) {
    __syncthreads();
    if (share >= half) continue;
    DRIFT_UNROLL
    for (int s = 0; s < kSums; ++s) shared[s][thread] += shared[s][thread + half * kFinishColumns];
  }
  if (share != 0 || column >= space.columns) return;
  DRIFT_UNROLL
  for (int s = 0; s < kSums; ++s) sums[s] = shared[s][thread];
  finish(segment, column, sums);
}

}  // namespace launch

// The second half alone: partials [segments, chunks, kSums, columns].
template <int kSums, class Finish>
void finish_column_sums(cudaStream_t stream, const RowSpace& space, const float* partials, std::int64_t chunks,
                        const Finish& finish) {
  const std::int64_t blocks = space.segments * ceil_div(space.columns, launch::kFinishColumns);
  launch::finish_sums<kSums>
      <<<static_cast<unsigned>(blocks), kBlockThreads, 0, stream>>>(partials, space, chunks, finish);
  check_launch(__PRETTY_FUNCTION__, space, blocks);
}

// finish(segment, column, sums) for every column of every segment; workspace: column_sums_workspace floats.
template <class F, class Finish>
void column_sums(cudaStream_t stream, const RowSpace& space, const Packed<F>& packed, float* workspace,
                 const Finish& finish) {
  if (space.segments * space.columns == 0) return;
  const RowGrid grid = row_grid(space, kPacket, kSumLimits);
  const bool aligned = packed.aligned && space.columns % kPacket == 0;
  const auto kernel = aligned ? launch::partial_sums<true, F> : launch::partial_sums<false, F>;
  kernel<<<static_cast<unsigned>(grid.blocks), kBlockThreads, 0, stream>>>(grid, space, packed.f, workspace);
  check_launch(__PRETTY_FUNCTION__, space, grid.blocks);
  finish_column_sums<F::kSums>(stream, space, workspace, grid.chunks, finish);
}

}  // namespace DRIFT_PACKETS
}  // namespace drift
