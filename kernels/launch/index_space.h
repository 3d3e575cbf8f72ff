// How work is cut into pieces. Sums are cut into chunks whose size depends on the shape alone, never on the number of
// threads, so that results have the same bits for any number of threads; threads take runs of pieces.
#pragma once

#include <algorithm>
#include <cstdint>

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

// Rows that are summed in float before their sum joins the others in double.
inline std::int64_t chunk_rows(std::int64_t columns) {
  constexpr std::int64_t kChunkElements = 1 << 15;
  return std::max<std::int64_t>(1, kChunkElements / std::max<std::int64_t>(1, columns));
}

inline std::int64_t chunk_count(const RowSpace& space) {
  return (space.rows + chunk_rows(space.columns) - 1) / chunk_rows(space.columns);
}

}  // namespace drift
