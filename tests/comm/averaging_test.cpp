// What the collectives compute when all goes well.
#include "comm/averaging.h"

#include <atomic>
#include <cstring>
#include <gtest/gtest.h>

#include "core/rng.h"
#include "tests/comm/run_workers.h"
#include "tests/reference/sgd.h"
#include "tests/support/seed.h"

namespace drift::testing {
namespace {

// Lengths around the 16 floats that shares are rounded to, and one where every worker has several lines.
constexpr std::int64_t kLengths[] = {0, 1, 15, 16, 17, 63, 64, 65, 1000, 1031};

class AllReduce : public ::testing::TestWithParam<int> {};

// Worker k holds m + (k - (K-1)/2) s with integers m and s: their mean is m, and every partial sum is a half-integer,
// exact in float.
TEST_P(AllReduce, OfDyadicNumbersIsExact) {
  const int workers = GetParam();
  const auto mean = [](std::int64_t i) { return static_cast<float>(i % 1021 - 500); };
  for (const std::int64_t n : kLengths) {
    expect_none(run_workers(workers, [&](Communicator& comm, Backend& backend) {
      std::vector<float> values(static_cast<std::size_t>(n));
      for (std::int64_t i = 0; i < n; ++i) {
        const float spread = static_cast<float>(comm.worker()) - 0.5f * static_cast<float>(workers - 1);
        values[static_cast<std::size_t>(i)] = mean(i) + spread * static_cast<float>(i % 7);
      }
      comm.all_reduce_mean(values, backend);
      for (std::int64_t i = 0; i < n; ++i) {
        ASSERT_EQ(values[static_cast<std::size_t>(i)], mean(i))
            << "worker " << comm.worker() << ", element " << i << " of " << n;
      }
    }));
  }
}

// What worker k holds in round t, element i: any finite float32 of ordinary size, whose sum depends on the order of
// adding.
float awkward_value(int worker, std::uint64_t round, std::uint64_t i) {
  return Rng(seed(), stream_id(Purpose::kTest, round, static_cast<std::uint64_t>(worker))).normal(i);
}

// Every worker starts each round after a random number of yields; the bits are those of one backend that averages all
// at once.
TEST_P(AllReduce, GivesTheBitsOfTheTreeWhoeverComesFirst) {
  const int workers = GetParam();
  const std::uint64_t rounds = 200 / static_cast<std::uint64_t>(workers) + 5;
  constexpr std::size_t kElements = 100;

  std::vector<std::vector<float>> expected;  // by round
  FakeBackend reference;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    std::vector<std::vector<float>> replicas(static_cast<std::size_t>(workers), std::vector<float>(kElements));
    std::vector<float*> pointers;
    for (int worker = 0; worker < workers; ++worker) {
      std::vector<float>& replica = replicas[static_cast<std::size_t>(worker)];
      for (std::size_t i = 0; i < kElements; ++i) replica[i] = awkward_value(worker, round, i);
      pointers.push_back(replica.data());
    }
    reference.average(std::span<float* const>(pointers), pointers, kElements);
    expected.push_back(replicas.front());
  }

  expect_none(run_workers(workers, [&](Communicator& comm, Backend& backend) {
    const Rng delays(seed(), stream_id(Purpose::kTest, 0xdead, static_cast<std::uint64_t>(comm.worker())));
    std::vector<float> values(kElements);
    for (std::uint64_t round = 0; round < rounds; ++round) {
      for (std::uint32_t turns = delays.below(round, 20); turns > 0; --turns) std::this_thread::yield();
      for (std::size_t i = 0; i < kElements; ++i) values[i] = awkward_value(comm.worker(), round, i);
      comm.all_reduce_mean(values, backend);
      ASSERT_EQ(std::memcmp(values.data(), expected[round].data(), kElements * sizeof(float)), 0)
          << "worker " << comm.worker() << ", round " << round;
    }
  }));
}

TEST_P(AllReduce, CountsBytesPerCall) {
  const int workers = GetParam();
  expect_none(run_workers(workers, [&](Communicator& comm, Backend& backend) {
    std::vector<float> values(17);
    EXPECT_EQ(comm.bytes_sent(), 0);
    comm.all_reduce_mean(values, backend);
    comm.all_reduce_mean(values, backend);
    comm.barrier();
    comm.broadcast(values, 0, backend);
    const std::int64_t k = workers;
    EXPECT_EQ(comm.bytes_sent(), 2 * (2 * (k - 1) * 68 / k) + (k - 1) * 68 / k);
  }));
}

TEST_P(AllReduce, BroadcastWorksFromEveryRoot) {
  const int workers = GetParam();
  expect_none(run_workers(workers, [&](Communicator& comm, Backend& backend) {
    for (int root = 0; root < workers; ++root) {
      std::vector<float> values(33, static_cast<float>(comm.worker()));
      comm.broadcast(values, root, backend);
      ASSERT_EQ(values, std::vector<float>(33, static_cast<float>(root))) << "worker " << comm.worker();
    }
    comm.broadcast({}, 0, backend);
  }));
}

INSTANTIATE_TEST_SUITE_P(Workers, AllReduce, ::testing::Values(1, 2, 3, 4, 5, 8, 32));

// The bits are those of the tree over the workers of the node; nothing leaves the process.
TEST(NodeMean, IsThatOfTheWorkersOfANode) {
  for (const auto& [workers, count] : {std::pair{6, 3}, {6, 2}, {4, 4}, {3, 1}, {8, 4}}) {
    for (const std::int64_t n : kLengths) {
      const auto of_worker = [&, n = n](int worker) {
        std::vector<float> values(static_cast<std::size_t>(n));
        for (std::size_t i = 0; i < values.size(); ++i) values[i] = awkward_value(worker, 7, i);
        return values;
      };
      expect_none(run_workers(workers, [&, count = count](Communicator& comm, Backend& backend) {
        std::vector<float> values = of_worker(comm.worker());
        comm.node_mean(values, count, backend);
        const int first = comm.worker() / count * count;
        std::vector<std::vector<float>> node;
        for (int k = first; k < first + count; ++k) node.push_back(of_worker(k));
        ASSERT_EQ(values, reference::tree_average(std::move(node)))
            << "worker " << comm.worker() << " of " << workers << ", nodes of " << count << ", " << n << " floats";
        EXPECT_EQ(comm.bytes_sent(), 0);
      }));
    }
  }
}

// A worker is past the barrier only when all have come: each counts itself before, and sees all K of the round after.
TEST(Barrier, NobodyPassesBeforeAllHaveCome) {
  constexpr int kWorkers = 5;
  constexpr int kRounds = 50;
  std::atomic<int> came{0};
  expect_none(run_workers(kWorkers, [&](Communicator& comm, Backend&) {
    for (int round = 1; round <= kRounds; ++round) {
      ++came;
      comm.barrier();
      ASSERT_GE(came.load(), kWorkers * round);
    }
  }));
  EXPECT_EQ(came.load(), kWorkers * kRounds);
}

TEST(Solo, NeverWaitsAndTouchesNothing) {
  const auto communicators = make_communicators(Membership::alone(1));
  Communicator& comm = *communicators.front();
  EXPECT_EQ(comm.worker(), 0);
  EXPECT_EQ(comm.workers(), 1);
  FakeBackend backend;
  std::vector<float> values{1.5f, -0.1f};
  comm.all_reduce_mean(values, backend);
  comm.broadcast(values, 0, backend);
  comm.barrier();
  EXPECT_EQ(values, (std::vector<float>{1.5f, -0.1f}));
  EXPECT_EQ(comm.bytes_sent(), 0);
}

TEST(Team, WorkersAreNumberedAndKnowTheirNumber) {
  const auto communicators = make_communicators(Membership::alone(3));
  for (int worker = 0; worker < 3; ++worker) {
    EXPECT_EQ(communicators[static_cast<std::size_t>(worker)]->worker(), worker);
    EXPECT_EQ(communicators[static_cast<std::size_t>(worker)]->workers(), 3);
  }
  EXPECT_THROW(make_communicators(Membership::alone(0)), Error);
}

}  // namespace
}  // namespace drift::testing
