// How work is cut into pieces. Sums are cut into chunks whose size depends on the shape alone, never on the number of
// threads or on the GPU, so that results have the same bits for any number of threads; threads take runs of pieces.
//
// The second half is the work of one GPU thread, in code that the host can run too: a test plays every thread of a grid
// and sees each element exactly once (tests/kernels/index_space_test.cpp).
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/host_device.h"

namespace drift {

struct Range {
  std::int64_t begin = 0, end = 0;
};

// The part of [0, n) that thread `index` of `threads` takes, in whole units; the parts cover [0, n) in order.
inline Range part_of(std::int64_t n, std::int64_t unit, int index, int threads) {
  const std::int64_t units = (n + unit - 1) / unit;
  return {std::min(n, units * index / threads * unit), std::min(n, units * (index + 1) / threads * unit)};
}

// A dense [segments * rows, columns] matrix, rows of one segment adjacent: batch norm has one segment, group norm one
// per sample.
struct RowSpace {
  std::int64_t segments = 1, rows = 1, columns = 1;
};

// What a functor is told about a row besides its number: the segment, or what it finds out itself, f.at(row), once for
// all packets of the row that a thread has.
template <class F>
DRIFT_HD auto facts_of_row(const F& f, std::int64_t segment, std::int64_t row) {
  if constexpr (requires { f.at(row); }) {
    return f.at(row);
  } else {
    return segment;
  }
}

// Rows that are summed in float before their sum joins the others in double.
inline std::int64_t chunk_rows(std::int64_t columns) {
  constexpr std::int64_t kChunkElements = 1 << 15;
  return std::max<std::int64_t>(1, kChunkElements / std::max<std::int64_t>(1, columns));
}

inline std::int64_t chunk_count(const RowSpace& space) {
  return (space.rows + chunk_rows(space.columns) - 1) / chunk_rows(space.columns);
}

DRIFT_HD constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

inline constexpr int kBlockThreads = 256;
// Enough blocks to fill the largest GPU several times over; threads that have finished an element go on with the next.
inline constexpr std::int64_t kMaxBlocks = 4096;

// Where a GPU thread stands.
struct Place {
  std::int64_t block;
  int thread;
};

// Items in a row, kBlockThreads to a block.
struct FlatGrid {
  std::int64_t blocks;
};

inline FlatGrid flat_grid(std::int64_t items) {
  return {std::clamp<std::int64_t>(ceil_div(items, kBlockThreads), 1, kMaxBlocks)};
}

// visit(item) for the items of one thread.
template <class Visit>
DRIFT_HD void visit_items(Place place, FlatGrid grid, std::int64_t items, const Visit& visit) {
  for (std::int64_t i = place.block * kBlockThreads + place.thread; i < items; i += grid.blocks * kBlockThreads) {
    visit(i);
  }
}

// A block of kBlockThreads as `rows` rows of `packets` threads, one thread per packet, so that a thread stays in its
// columns and needs no division to find the next row. Blocks: [segments, chunks, tiles]; a chunk is `chunk_rows` rows
// of a segment, a tile is `packets` packets wide.
struct RowGrid {
  int packets, rows;
  std::int64_t tiles, chunks, chunk_rows, blocks;
};

// max_packets: the widest tile; max_blocks: blocks that are enough; thread_rows: the fewest rows that are worth a
// thread.
struct RowGridLimits {
  int max_packets;
  std::int64_t max_blocks;
  int thread_rows;
};
// Maps: a row in one tile where it fits, one row per thread until the GPU is full.
inline constexpr RowGridLimits kMapLimits{kBlockThreads, kMaxBlocks, 1};
// Sums: narrow tiles leave more threads to a column; few blocks leave few partial sums.
inline constexpr RowGridLimits kSumLimits{32, 1024, 2};

inline RowGrid row_grid(const RowSpace& space, int packet, const RowGridLimits& limits) {
  const std::int64_t packets = std::max<std::int64_t>(1, ceil_div(space.columns, packet));
  RowGrid grid{};
  grid.packets = static_cast<int>(std::min<std::int64_t>(packets, limits.max_packets));
  grid.rows = kBlockThreads / grid.packets;
  grid.tiles = ceil_div(packets, grid.packets);
  const std::int64_t most = std::max<std::int64_t>(1, limits.max_blocks / (space.segments * grid.tiles));
  grid.chunk_rows =
      std::max<std::int64_t>({1, ceil_div(space.rows, most), std::int64_t{grid.rows} * limits.thread_rows});
  grid.chunks = std::max<std::int64_t>(1, ceil_div(space.rows, grid.chunk_rows));
  grid.blocks = space.segments * grid.chunks * grid.tiles;
  return grid;
}

// A thread's fixed place in a RowGrid: its segment and chunk, its row in the block, its first column.
struct RowPlace {
  std::int64_t segment, chunk, column;
  int row;
};

DRIFT_HD RowPlace row_place(Place place, const RowGrid& grid, int packet) {
  const std::int64_t tile = place.block % grid.tiles, chunk = place.block / grid.tiles;
  const int row = place.thread / grid.packets;
  const std::int64_t column = (tile * grid.packets + place.thread % grid.packets) * packet;
  return {chunk / grid.chunks, chunk % grid.chunks, column, row};
}

// visit(row) for the rows of one thread, counted through all segments.
template <class Visit>
DRIFT_HD void visit_rows(const RowPlace& place, const RowGrid& grid, const RowSpace& space, const Visit& visit) {
  if (place.row >= grid.rows || place.column >= space.columns) return;
  const std::int64_t first = place.chunk * grid.chunk_rows;
  const std::int64_t end = first + grid.chunk_rows < space.rows ? first + grid.chunk_rows : space.rows;
  for (std::int64_t row = first + place.row; row < end; row += grid.rows) visit(place.segment * space.rows + row);
}

}  // namespace drift
