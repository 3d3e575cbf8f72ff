// Runs the maps of kernels/math on the CPU's threads. With column_sums_cpu.h the only place with OpenMP pragmas.
#pragma once

#include <cstdint>
#include <omp.h>
#include <type_traits>

#include "kernels/launch/index_space.h"
#include "kernels/math/packet.h"

namespace drift {

// Below this many elements per thread, waking threads costs more than they save.
inline constexpr std::int64_t kElementsPerThread = 1 << 13;

// body(Range), or body(Range, thread) with thread < threads, on each thread's part of [0, n).
template <class Body>
void in_parallel(int threads, std::int64_t n, std::int64_t unit, std::int64_t elements, const Body& body) {
  const auto run = [&](Range part, int thread) {
    if constexpr (std::is_invocable_v<Body, Range, int>) {
      body(part, thread);
    } else {
      body(part);
    }
  };
  const int useful = static_cast<int>(std::clamp<std::int64_t>(elements / kElementsPerThread, 1, threads));
  if (useful == 1) {
    run(Range{0, n}, 0);
    return;
  }
#pragma omp parallel num_threads(useful)
  run(part_of(n, unit, omp_get_thread_num(), omp_get_num_threads()), omp_get_thread_num());
}

// Each thread works on a copy of the functor: a local whose address is not taken stays in registers, where stores
// through its pointers cannot change it.

// f(i, count) for packets of a flat array of n elements.
template <class F>
void for_each_packet(int threads, std::int64_t n, const F& functor) {
  in_parallel(threads, n, 4 * kPacket, n, [&](Range part) {
    const F f = functor;
    std::int64_t i = part.begin;
    for (; i + kPacket <= part.end; i += kPacket) f(i, Full{});
    if (i < part.end) f(i, static_cast<int>(part.end - i));
  });
}

// f(segment, row, column, count) for the packets of every row, or f(f.at(row), row, column, count); rows are counted
// through all segments.
template <class F>
void for_each_row_packet(int threads, const RowSpace& space, const F& functor) {
  const std::int64_t all_rows = space.segments * space.rows;
  in_parallel(threads, all_rows, 1, all_rows * space.columns, [&](Range part) {
    const F f = functor;
    const std::int64_t columns = space.columns;
    for (std::int64_t row = part.begin; row < part.end;) {
      const std::int64_t segment = row / space.rows;
      const std::int64_t end = std::min(part.end, (segment + 1) * space.rows);
      if (columns == kPacket) {  // one packet a row: the inner loop would cost as much as its body
        for (; row < end; ++row) f(facts_of_row(f, segment, row), row, 0, Full{});
        continue;
      }
      for (; row < end; ++row) {
        const auto facts = facts_of_row(f, segment, row);
        std::int64_t column = 0;
        for (; column + kPacket <= columns; column += kPacket) f(facts, row, column, Full{});
        if (column < columns) f(facts, row, column, static_cast<int>(columns - column));
      }
    }
  });
}

// A functor whose items are shared by lanes on a GPU, for for_each_item.
template <class F>
struct OnOneLane {
  F f;
  DRIFT_HD void operator()(std::int64_t item) const { f(item, OneLane{}); }
};

// f(item) for items that each cost about `elements_each` element accesses.
template <class F>
void for_each_item(int threads, std::int64_t items, std::int64_t elements_each, const F& functor) {
  in_parallel(threads, items, 1, items * elements_each, [&](Range part) {
    const F f = functor;
    for (std::int64_t item = part.begin; item < part.end; ++item) f(item);
  });
}

}  // namespace drift
