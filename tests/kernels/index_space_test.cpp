#include "kernels/launch/index_space.h"

#include <algorithm>
#include <atomic>
#include <gtest/gtest.h>
#include <vector>

#include "kernels/launch/column_sums_cpu.h"

namespace drift {
namespace {

TEST(IndexSpace, PartsCoverEveryIndexOnceInOrderAndInWholeUnits) {
  for (const std::int64_t n : {0, 1, 15, 16, 17, 63, 64, 65, 1000, 1 << 16}) {
    for (const std::int64_t unit : {1, 16, 64}) {
      for (int threads = 1; threads <= 5; ++threads) {
        std::int64_t next = 0;
        for (int index = 0; index < threads; ++index) {
          const Range part = part_of(n, unit, index, threads);
          EXPECT_EQ(part.begin, next);
          EXPECT_TRUE(part.begin % unit == 0 || part.begin == n);
          EXPECT_LE(part.begin, part.end);
          next = part.end;
        }
        EXPECT_EQ(next, n);
      }
    }
  }
}

// A functor that counts how often the launcher gives it each element.
struct Counter {
  std::atomic<int>* counts;
  std::int64_t columns = 1;

  template <class N>
  void operator()(std::int64_t i, N n) const {
    for (int j = 0; j < n; ++j) ++counts[i + j];
  }
  template <class N>
  void operator()(std::int64_t, std::int64_t row, std::int64_t column, N n) const {
    for (int j = 0; j < n; ++j) ++counts[row * columns + column + j];
  }
};

TEST(Launchers, EachElementIsVisitedExactlyOnce) {
  for (const std::int64_t n : {1, 15, 16, 17, 100, 40000, 65537}) {
    for (int threads = 1; threads <= 3; ++threads) {
      std::vector<std::atomic<int>> counts(static_cast<std::size_t>(n));
      for_each_packet(threads, n, Counter{counts.data()});
      for (const auto& count : counts) ASSERT_EQ(count, 1) << "n " << n << " threads " << threads;
    }
  }
  for (const std::int64_t columns : {1, 3, 16, 17, 64, 100}) {
    for (int threads = 1; threads <= 3; ++threads) {
      const RowSpace space{3, 331, columns};
      std::vector<std::atomic<int>> counts(static_cast<std::size_t>(3 * 331 * columns));
      for_each_row_packet(threads, space, Counter{counts.data(), columns});
      for (const auto& count : counts) ASSERT_EQ(count, 1) << "columns " << columns << " threads " << threads;
    }
  }
}

// Terms: 1, and the number of the segment.
struct Ones {
  static constexpr int kSums = 2;
  template <class N>
  void terms(std::int64_t segment, std::int64_t, std::int64_t, N, Packet (&sums)[kSums]) const {
    sums[0] += 1.0f;
    sums[1] += static_cast<float>(segment);
  }
};

TEST(ColumnSums, EveryRowOfEverySegmentCountsOnce) {
  for (const std::int64_t columns : {1, 3, 16, 17, 32, 48, 64, 80, 130}) {
    for (const std::int64_t rows : {1, 2, 5, 1000, 40000}) {
      const RowSpace space{2, rows, columns};
      std::vector<float> workspace(static_cast<std::size_t>(column_sums_workspace<Ones>(space)));
      std::vector<double> totals(static_cast<std::size_t>(4 * columns), -1);
      column_sums(2, space, Ones{}, workspace.data(), totals);
      for (std::int64_t c = 0; c < columns; ++c) {
        ASSERT_EQ(totals[static_cast<std::size_t>(c)], rows) << rows << " x " << columns;
        ASSERT_EQ(totals[static_cast<std::size_t>(columns + c)], 0);
        ASSERT_EQ(totals[static_cast<std::size_t>(2 * columns + c)], rows);
        ASSERT_EQ(totals[static_cast<std::size_t>(3 * columns + c)], rows);
      }
    }
  }
}

// A functor of row packets over a grid played on the host: how often each thread is given each element.
std::vector<int> visits_of_rows(const RowSpace& space, int packet, const RowGridLimits& limits) {
  std::vector<int> counts(static_cast<std::size_t>(space.segments * space.rows * space.columns));
  const RowGrid grid = row_grid(space, packet, limits);
  for (std::int64_t block = 0; block < grid.blocks; ++block) {
    for (int thread = 0; thread < kBlockThreads; ++thread) {
      const RowPlace place = row_place({block, thread}, grid, packet);
      visit_rows(place, grid, space, [&](std::int64_t row) {
        EXPECT_EQ(place.segment, row / space.rows);
        const std::int64_t end = std::min(place.column + packet, space.columns);
        for (std::int64_t c = place.column; c < end; ++c) ++counts[static_cast<std::size_t>(row * space.columns + c)];
      });
    }
  }
  return counts;
}

TEST(GpuGrid, EachItemIsVisitedExactlyOnce) {
  for (const std::int64_t n : {1L, 2L, 255L, 256L, 257L, 1000L, 65536L, kMaxBlocks * kBlockThreads + 1}) {
    const FlatGrid grid = flat_grid(n);
    std::vector<std::uint8_t> counts(static_cast<std::size_t>(n));
    for (std::int64_t block = 0; block < grid.blocks; ++block) {
      for (int thread = 0; thread < kBlockThreads; ++thread) {
        visit_items({block, thread}, grid, n, [&](std::int64_t i) { ++counts[static_cast<std::size_t>(i)]; });
      }
    }
    EXPECT_EQ(std::count(counts.begin(), counts.end(), 1), n);
  }
}

TEST(GpuGrid, EachPacketOfEachRowIsVisitedExactlyOnce) {
  for (const auto& limits : {kMapLimits, kSumLimits}) {
    for (const std::int64_t columns : {1, 3, 8, 16, 17, 48, 64, 100, 264, 2056, 2304}) {
      for (const std::int64_t rows : {1, 2, 5, 127, 400}) {
        for (const std::int64_t segments : {1, 3}) {
          const std::vector<int> counts = visits_of_rows({segments, rows, columns}, 8, limits);
          ASSERT_TRUE(std::all_of(counts.begin(), counts.end(), [](int count) { return count == 1; }))
              << segments << " x " << rows << " x " << columns;
        }
      }
    }
  }
  for (const auto& limits : {kMapLimits, kSumLimits}) {  // more rows than the grid has threads for
    const std::vector<int> counts = visits_of_rows({2, 700'001, 3}, 8, limits);
    EXPECT_TRUE(std::all_of(counts.begin(), counts.end(), [](int count) { return count == 1; }));
  }
}

TEST(GpuGrid, HasNoMoreBlocksThanItIsLimitedTo) {
  for (const std::int64_t columns : {1, 17, 64, 2048}) {
    for (const std::int64_t rows : {1L, 1000L, 10'000'000L}) {
      EXPECT_LE(row_grid({1, rows, columns}, 8, kSumLimits).blocks, kSumLimits.max_blocks);
      EXPECT_LE(row_grid({1, rows, columns}, 8, kMapLimits).blocks, kMapLimits.max_blocks);
    }
  }
}

}  // namespace
}  // namespace drift
