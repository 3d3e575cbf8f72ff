#include "data/loader_pool.h"

#include <future>
#include <gtest/gtest.h>
#include <optional>
#include <vector>

#include "tests/data/data_support.h"

namespace drift {
namespace {

using testing::message_of;

TEST(LoaderPool, DoesEachItemOnce) {
  for (const int threads : {0, 1, 3}) {
    LoaderPool pool(threads);
    for (const std::int64_t items : {0, 1, 5, 64}) {
      for (const std::int64_t grain : {1, 7, 100}) {
        std::vector<std::atomic<int>> done(static_cast<std::size_t>(items));
        LoaderJob job(pool, items, grain, [&](std::int64_t item) { ++done[static_cast<std::size_t>(item)]; });
        job.finish();
        for (const auto& times : done) EXPECT_EQ(times, 1) << threads << " threads, " << items << " by " << grain;
      }
    }
  }
}

TEST(LoaderPool, ThrowsWhatTheFirstItemThrew) {
  for (const int threads : {0, 3}) {
    LoaderPool pool(threads);
    for (int turn = 0; turn < 20; ++turn) {
      LoaderJob job(pool, 40, 1, [](std::int64_t item) { DRIFT_CHECK(kData, item % 10 != 7, "item {}", item); });
      EXPECT_EQ(message_of(ErrorKind::kData, [&] { job.finish(); }), "item 7") << threads << " threads";
    }
  }
}

// The only thread is busy until the second job is done.
TEST(LoaderPool, WhoNeedsAJobTakesPartInIt) {
  LoaderPool pool(1);
  std::promise<void> busy, finished;
  LoaderJob first(pool, 1, 1, [&](std::int64_t) {
    busy.set_value();
    finished.get_future().wait();
  });
  busy.get_future().wait();
  int done = 0;
  LoaderJob second(pool, 5, 2, [&](std::int64_t) { ++done; });
  second.finish();
  EXPECT_EQ(done, 5);
  finished.set_value();
  first.finish();
}

TEST(LoaderPool, AJobThatIsGivenUpBeginsNothingMore) {
  LoaderPool pool(1);
  std::promise<void> busy, finished;
  LoaderJob first(pool, 1, 1, [&](std::int64_t) {
    busy.set_value();
    finished.get_future().wait();
  });
  busy.get_future().wait();
  int begun = 0;
  std::optional<LoaderJob> second(std::in_place, pool, 5, 1, [&](std::int64_t) { ++begun; });
  second.reset();
  finished.set_value();
  LoaderJob third(pool, 1, 1, [](std::int64_t) {});
  third.finish();
  EXPECT_EQ(begun, 0);
}

TEST(LoaderPool, RefusesLessThanNoThreads) {
  EXPECT_TRUE(testing::contains(message_of(ErrorKind::kConfig, [] { LoaderPool(-1); }), "-1"));
}

}  // namespace
}  // namespace drift
