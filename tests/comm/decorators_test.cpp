#include <atomic>
#include <gtest/gtest.h>
#include <mutex>

#include "comm/faulty.h"
#include "comm/recording.h"
#include "tests/comm/run_workers.h"
#include "tests/support/hand_clock.h"

namespace drift::testing {
namespace {

TEST(Recording, ReportsEveryCallWithItsCost) {
  HandClock clock;
  FaultyCommunicator inner(
      std::move(make_communicators(Membership::alone(1)).front()),
      {.before_call = [&](std::int64_t call) { clock.now += 0.5 * static_cast<double>(call + 1); }});
  std::vector<CommRecord> records;
  RecordingCommunicator comm(
      inner, [&](const CommRecord& record) { records.push_back(record); }, clock);
  FakeBackend backend;
  std::vector<float> values(12);
  comm.all_reduce_mean(values, backend);
  comm.barrier();
  comm.broadcast(std::span(values).first(5), 0, backend);
  comm.node_mean(std::span(values).first(3), 1, backend);

  ASSERT_EQ(records.size(), 4u);
  EXPECT_EQ(records[0].call, Collective::kAllReduceMean);
  EXPECT_EQ(records[0].elements, 12);
  EXPECT_EQ(records[0].begin, 0);
  EXPECT_EQ(records[0].seconds, 0.5);
  EXPECT_EQ(records[1].call, Collective::kBarrier);
  EXPECT_EQ(records[1].elements, 0);
  EXPECT_EQ(records[1].seconds, 1.0);
  EXPECT_EQ(records[2].call, Collective::kBroadcast);
  EXPECT_EQ(records[2].elements, 5);
  EXPECT_EQ(records[2].begin, 1.5);
  EXPECT_EQ(records[2].seconds, 1.5);
  EXPECT_EQ(records[3].call, Collective::kAllReduceMean);
  EXPECT_EQ(records[3].elements, 3);
  EXPECT_EQ(records[3].seconds, 2.0);
}

// Of means in the background there is more to tell: when each span was offered, and when its mean was taken.
TEST(Recording, TellsOffersFromWaitsAndWhenMeansWereTaken) {
  constexpr int kWorkers = 2;
  const auto inner = make_communicators(Membership::alone(kWorkers));
  struct Heard {
    CommStage stage;
    double begin, end;
    std::vector<MeanTimes> means;
  };
  std::vector<std::vector<Heard>> heard(kWorkers);
  std::vector<std::unique_ptr<Communicator>> communicators;
  for (const auto& comm : inner) {
    auto& mine = heard[static_cast<std::size_t>(comm->worker())];
    communicators.push_back(std::make_unique<RecordingCommunicator>(*comm, [&mine](const CommRecord& record) {
      mine.push_back({record.stage, record.begin, record.begin + record.seconds,
                      std::vector<MeanTimes>(record.means.begin(), record.means.end())});
    }));
  }
  expect_none(run_workers(communicators, [](std::unique_ptr<Communicator>& comm, Backend& backend) {
    std::vector<float> one(5), other(7), last(3);
    comm->prepare_means(backend);
    comm->start_mean(one, backend);
    comm->start_mean(other, backend);
    comm->wait_for_means(backend);
    comm->mean_was_made(12);
    comm->start_mean(last, backend);
    comm->wait_for_means(backend);
    comm->barrier();
  }));
  for (const std::vector<Heard>& mine : heard) {
    ASSERT_EQ(mine.size(), 7u);
    using enum CommStage;
    const std::vector<CommStage> stages = {kOffer, kOffer, kWait, kCount, kOffer, kWait, kWhole};
    for (std::size_t i = 0; i < stages.size(); ++i) EXPECT_EQ(mine[i].stage, stages[i]) << i;
    ASSERT_EQ(mine[2].means.size(), 2u);
    EXPECT_LE(mine[0].begin, mine[2].means[0].begin);
    EXPECT_LE(mine[2].means[0].begin, mine[2].means[0].end);
    EXPECT_LE(mine[2].means[0].end, mine[2].means[1].begin);
    EXPECT_LE(mine[1].begin, mine[2].means[1].begin);
    EXPECT_LE(mine[2].means[1].end, mine[2].end);
    ASSERT_EQ(mine[5].means.size(), 1u) << "of this wait alone";
    EXPECT_LE(mine[4].begin, mine[5].means[0].begin);
    EXPECT_TRUE(mine[6].means.empty());
  }
  for (std::size_t i : {2u, 5u}) EXPECT_EQ(heard[0][i].means.back().end, heard[1][i].means.back().end);
}

TEST(Recording, ReportsTheBytesOfEachCallAndChangesNothing) {
  constexpr int kWorkers = 3;
  const auto inner = make_communicators(Membership::alone(kWorkers));
  std::mutex mutex;
  std::int64_t bytes = 0, records = 0;
  std::vector<std::unique_ptr<Communicator>> communicators;
  for (const auto& comm : inner) {
    communicators.push_back(std::make_unique<RecordingCommunicator>(*comm, [&](const CommRecord& record) {
      const std::lock_guard lock(mutex);
      EXPECT_EQ(record.bytes, bytes_on_wire(record.call, record.elements, kWorkers));
      EXPECT_GE(record.seconds, 0);
      bytes += record.bytes;
      ++records;
    }));
  }
  const WorkerErrors errors = run_workers(communicators, [](std::unique_ptr<Communicator>& comm, Backend& backend) {
    std::vector<float> values(7, static_cast<float>(3 * comm->worker()));
    comm->all_reduce_mean(values, backend);
    EXPECT_EQ(values, std::vector<float>(7, 3.0f));
    comm->broadcast(values, 1, backend);
    comm->barrier();
    EXPECT_EQ(comm->bytes_sent(), 37 + 18);  // 2 * 2 * 28 / 3 and 2 * 28 / 3
  });
  for (const auto& error : errors) EXPECT_FALSE(error) << error->what();
  EXPECT_EQ(bytes, kWorkers * (37 + 18));
  EXPECT_EQ(records, kWorkers * 3);
}

TEST(Faulty, FailsOnTheChosenCallAndTakesAllRanksWithIt) {
  constexpr int kWorkers = 3;
  auto communicators = make_communicators(Membership::alone(kWorkers));
  communicators[1] = std::make_unique<FaultyCommunicator>(std::move(communicators[1]), Faults{.fail_on_call = 2});
  std::vector<int> done(kWorkers);
  const WorkerErrors errors = run_workers(communicators, [&](std::unique_ptr<Communicator>& comm, Backend& backend) {
    std::vector<float> values(20);
    for (;;) {
      comm->all_reduce_mean(values, backend);
      ++done[static_cast<std::size_t>(comm->worker())];
    }
  });
  EXPECT_EQ(done, std::vector<int>(kWorkers, 2));
  for (const auto& error : errors) {
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), ErrorKind::kComm);
    EXPECT_NE(error->message().find("planned fault on call 2 of worker 1"), std::string::npos) << error->what();
  }
}

// Worker 0 is held back until the other has come to the collective: the average still holds worker 0's values.
TEST(Faulty, DelaysByItsHook) {
  auto communicators = make_communicators(Membership::alone(2));
  std::atomic<bool> other_is_near{false};
  communicators[0] =
      std::make_unique<FaultyCommunicator>(std::move(communicators[0]), Faults{.before_call = [&](std::int64_t) {
                                             while (!other_is_near.load()) std::this_thread::yield();
                                           }});
  const WorkerErrors errors = run_workers(communicators, [&](std::unique_ptr<Communicator>& comm, Backend& backend) {
    std::vector<float> values(2, comm->worker() == 0 ? 6.0f : 2.0f);
    if (comm->worker() == 1) other_is_near = true;
    comm->all_reduce_mean(values, backend);
    EXPECT_EQ(values, std::vector<float>(2, 4.0f));
  });
  for (const auto& error : errors) EXPECT_FALSE(error) << error->what();
}

}  // namespace
}  // namespace drift::testing
