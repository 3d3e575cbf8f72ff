#include "data/loader_pool.h"

#include <future>
#include <gtest/gtest.h>
#include <optional>
#include <utility>
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

// A pool whose only thread is busy until it is released.
class BusyPool {
 public:
  BusyPool() { begun_.get_future().wait(); }
  ~BusyPool() { release(); }

  LoaderPool& pool() { return pool_; }
  void release() {
    if (!std::exchange(released_, true)) go_on_.set_value();
  }

 private:
  LoaderPool pool_{1};
  bool released_ = false;
  std::promise<void> begun_, go_on_;
  LoaderJob job_{pool_, 1, 1, [this](std::int64_t) {
                   begun_.set_value();
                   go_on_.get_future().wait();
                 }};
};

TEST(LoaderPool, WhoNeedsAJobTakesPartInIt) {
  BusyPool busy;
  int done = 0;
  LoaderJob job(busy.pool(), 5, 2, [&](std::int64_t) { ++done; });
  job.finish();
  EXPECT_EQ(done, 5);
}

TEST(LoaderPool, AJobThatIsGivenUpBeginsNothingMore) {
  BusyPool busy;
  int begun = 0;
  std::optional<LoaderJob> job(std::in_place, busy.pool(), 5, 1, [&](std::int64_t) { ++begun; });
  job.reset();
  busy.release();
  LoaderJob last(busy.pool(), 1, 1, [](std::int64_t) {});
  last.finish();
  EXPECT_EQ(begun, 0);
}

TEST(LoaderPool, RefusesLessThanNoThreads) {
  EXPECT_TRUE(testing::contains(message_of(ErrorKind::kConfig, [] { LoaderPool(-1); }), "-1"));
}

}  // namespace
}  // namespace drift
