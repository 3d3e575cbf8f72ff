// Runs the maps of kernels/math on a GPU: the launchers of for_each_cpu.h for a CUDA stream. Which thread visits what
// is decided in index_space.h; with column_sums_cuda.cuh this is the only place with block indices and shuffles.
//
// A launch takes its functor as Packed<F>: F and whether all its pointers are aligned, which decides between the kernel
// with 16-byte accesses and the one that goes element by element.
#pragma once

#include <cstdint>
#include <cuda_runtime.h>
#include <type_traits>

#include "kernels/launch/check_launch.h"
#include "kernels/launch/index_space.h"
#include "kernels/math/packet.h"

namespace drift {
inline namespace DRIFT_PACKETS {

template <class F>
struct Packed {
  F f;
  bool aligned;
};

template <class Field>
bool is_aligned(const Field& field) {
  if constexpr (std::is_pointer_v<Field>) return reinterpret_cast<std::uintptr_t>(field) % 16 == 0;
  return true;
}
template <class F>
bool is_aligned(const Packed<F>& nested) {
  return nested.aligned;
}
template <class Field>
const Field& unpacked(const Field& field) {
  return field;
}
template <class F>
const F& unpacked(const Packed<F>& nested) {
  return nested.f;
}

// F{fields...}; a field may be Packed itself.
template <class F, class... Fields>
Packed<F> packed(const Fields&... fields) {
  return {F{unpacked(fields)...}, (is_aligned(fields) && ...)};
}

namespace launch {

__device__ inline Place here() {
  return {blockIdx.x, static_cast<int>(threadIdx.x)};
}

template <bool kAligned, class F>
__global__ void __launch_bounds__(kBlockThreads) packets(FlatGrid grid, std::int64_t n, F f) {
  visit_items(here(), grid, ceil_div(n, kPacket), [&](std::int64_t item) {
    const std::int64_t i = item * kPacket;
    if (kAligned && i + kPacket <= n) {
      f(i, Full{});
    } else {
      f(i, static_cast<int>(n - i < kPacket ? n - i : kPacket));
    }
  });
}

template <bool kAligned, class F>
__global__ void __launch_bounds__(kBlockThreads) row_packets(RowGrid grid, RowSpace space, F f) {
  const RowPlace place = row_place(here(), grid, kPacket);
  const std::int64_t left = space.columns - place.column;
  visit_rows(place, grid, space, [&](std::int64_t row) {
    if constexpr (kAligned) {
      f(facts_of_row(f, place.segment, row), row, place.column, Full{});
    } else {
      const int count = static_cast<int>(left < kPacket ? left : kPacket);
      f(facts_of_row(f, place.segment, row), row, place.column, count);
    }
  });
}

template <class F>
__global__ void __launch_bounds__(kBlockThreads) items(FlatGrid grid, std::int64_t n, F f) {
  visit_items(here(), grid, n, f);
}

// The lanes of a warp; all must call.
struct WarpLanes {
  static constexpr int kCount = 32;
  int lane;

  DRIFT_HD int index() const { return lane; }
  DRIFT_HD int count() const { return kCount; }
  // Every lane gets the same bits: each step adds the same two numbers in both lanes of a pair.
  template <class Number>
  DRIFT_HD Number sum(Number mine) const {
#ifdef __CUDA_ARCH__
    for (int distance = kCount / 2; distance > 0; distance /= 2) mine += __shfl_xor_sync(~0u, mine, distance);
#endif
    return mine;
  }
  DRIFT_HD float maximum(float mine) const {
#ifdef __CUDA_ARCH__
    for (int distance = kCount / 2; distance > 0; distance /= 2) {
      const float other = __shfl_xor_sync(~0u, mine, distance);
      mine = other > mine ? other : mine;
    }
#endif
    return mine;
  }
};

template <class F>
__global__ void __launch_bounds__(kBlockThreads) warps(FlatGrid grid, std::int64_t n, F f) {
  const WarpLanes lanes{static_cast<int>(threadIdx.x) % WarpLanes::kCount};
  visit_items(here(), grid, n * WarpLanes::kCount, [&](std::int64_t i) { f(i / WarpLanes::kCount, lanes); });
}

}  // namespace launch

// f(i, count) for packets of a flat array of n elements.
template <class F>
void for_each_packet(cudaStream_t stream, std::int64_t n, const Packed<F>& packed) {
  if (n == 0) return;
  const FlatGrid grid = flat_grid(ceil_div(n, kPacket));
  const auto kernel = packed.aligned ? launch::packets<true, F> : launch::packets<false, F>;
  kernel<<<static_cast<unsigned>(grid.blocks), kBlockThreads, 0, stream>>>(grid, n, packed.f);
  check_launch(__PRETTY_FUNCTION__, {1, 1, n}, grid.blocks);
}

// f(segment, row, column, count) for the packets of every row, or f(f.at(row), row, column, count); rows are counted
// through all segments.
template <class F>
void for_each_row_packet(cudaStream_t stream, const RowSpace& space, const Packed<F>& packed) {
  if (space.segments * space.rows * space.columns == 0) return;
  const RowGrid grid = row_grid(space, kPacket, kMapLimits);
  const bool aligned = packed.aligned && space.columns % kPacket == 0;
  const auto kernel = aligned ? launch::row_packets<true, F> : launch::row_packets<false, F>;
  kernel<<<static_cast<unsigned>(grid.blocks), kBlockThreads, 0, stream>>>(grid, space, packed.f);
  check_launch(__PRETTY_FUNCTION__, space, grid.blocks);
}

// f(item), one thread each.
template <class F>
void for_each_item(cudaStream_t stream, std::int64_t n, const F& f) {
  if (n == 0) return;
  const FlatGrid grid = flat_grid(n);
  launch::items<<<static_cast<unsigned>(grid.blocks), kBlockThreads, 0, stream>>>(grid, n, f);
  check_launch(__PRETTY_FUNCTION__, {1, n, 1}, grid.blocks);
}

// f(item, lanes), one warp each.
template <class F>
void for_each_warp(cudaStream_t stream, std::int64_t n, const F& f) {
  if (n == 0) return;
  const FlatGrid grid = flat_grid(n * launch::WarpLanes::kCount);
  launch::warps<<<static_cast<unsigned>(grid.blocks), kBlockThreads, 0, stream>>>(grid, n, f);
  check_launch(__PRETTY_FUNCTION__, {1, n, launch::WarpLanes::kCount}, grid.blocks);
}

}  // namespace DRIFT_PACKETS
}  // namespace drift
