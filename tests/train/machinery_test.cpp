// What the workers share: lanes, the gate that lets them leave together, the collector of their reports.
#include <gtest/gtest.h>
#include <thread>

#include "core/check.h"
#include "tests/train/toy_run.h"
#include "train/lanes.h"
#include "train/step_collector.h"
#include "train/stop_gate.h"

namespace drift {
namespace {

TEST(ShareThreads, LanesAndThreadsPerWorker) {
  const auto share = [](int workers, int threads, int worker_threads, int cores) {
    const ThreadLayout layout = share_threads(workers, threads, worker_threads, cores);
    return std::vector<int>{layout.threads, layout.lanes, layout.threads_per_worker};
  };
  EXPECT_EQ(share(32, 0, 0, 2), (std::vector<int>{2, 2, 1}));
  EXPECT_EQ(share(1, 0, 0, 8), (std::vector<int>{8, 1, 8}));
  EXPECT_EQ(share(3, 8, 0, 64), (std::vector<int>{8, 3, 2}));  // 8 / 3 threads each, rounded down
  EXPECT_EQ(share(4, 8, 4, 64), (std::vector<int>{8, 2, 4}));
  EXPECT_EQ(share(4, 2, 8, 2), (std::vector<int>{2, 1, 8}));
  EXPECT_THROW(share_threads(4, -1, 0, 2), Error);
}

TEST(LaneGate, LowestStepFirstThenFirstCome) {
  LaneGate gate(1, Device{});
  std::vector<std::pair<Step, int>> order;
  {
    Lane held = gate.acquire(0, 0);
    std::vector<std::jthread> threads;
    for (const auto& [step, id] : std::vector<std::pair<Step, int>>{{7, 0}, {5, 1}, {7, 2}, {3, 3}, {5, 4}}) {
      threads.emplace_back([&, step = step, id = id] {
        const Lane lane = gate.acquire(step, 0);
        order.emplace_back(step, id);
      });
      while (gate.waiting() < static_cast<int>(threads.size())) std::this_thread::yield();
    }
    held.release();
  }
  EXPECT_EQ(order, (std::vector<std::pair<Step, int>>{{3, 3}, {5, 1}, {5, 4}, {7, 0}, {7, 2}}));
}

TEST(LaneGate, NoTwoHoldersShareMemory) {
  LaneGate gate(2, Device{});
  Lane a = gate.acquire(0, 0);
  const Lane b = gate.acquire(0, 0);
  EXPECT_NE(&a.pool(), &b.pool());
  MemoryPool* first = &a.pool();
  a.release();
  EXPECT_EQ(&gate.acquire(1, 0).pool(), first);
}

TEST(StopGate, EndsWithTheFurthestStepThatAnyoneEntered) {
  std::atomic<bool> stop = false;
  StopGate gate(10, 20, stop);
  for (Step step = 10; step < 14; ++step) EXPECT_TRUE(gate.enter(step));  // one worker is ahead
  EXPECT_TRUE(gate.enter(10));                                            // the other one behind
  stop = true;
  EXPECT_TRUE(gate.enter(11));  // sees the request, but the first is in step 13
  EXPECT_FALSE(gate.enter(14));
  EXPECT_TRUE(gate.enter(12));
  EXPECT_TRUE(gate.enter(13));
  EXPECT_FALSE(gate.enter(14));
  EXPECT_EQ(gate.end(), 14);
  EXPECT_NO_THROW(gate.rethrow());
}

TEST(StopGate, KeepsTheCauseRatherThanItsConsequences) {
  const std::atomic<bool> stop = false;
  const auto error = [](ErrorKind kind) {
    return std::make_exception_ptr(Error(kind, "text", "", std::source_location::current()));
  };
  const auto kept = [&](std::vector<ErrorKind> kinds) {
    StopGate gate(0, 5, stop);
    EXPECT_TRUE(gate.enter(0));
    for (const ErrorKind kind : kinds) gate.fail(error(kind));
    EXPECT_FALSE(gate.enter(1));
    try {
      gate.rethrow();
    } catch (const Error& e) {
      return e.kind();
    }
    return ErrorKind::kInternal;
  };
  EXPECT_EQ(kept({ErrorKind::kData, ErrorKind::kComm}), ErrorKind::kData);
  EXPECT_EQ(kept({ErrorKind::kComm, ErrorKind::kDiverged, ErrorKind::kData}), ErrorKind::kDiverged);
  EXPECT_EQ(kept({ErrorKind::kComm, ErrorKind::kComm}), ErrorKind::kComm);
}

TEST(StepCollector, RecordsComeInOrderWhenTheLastWorkerHasReported) {
  TrainConfig config = testing::toy_config(2, 2, 8);
  config.sync.algorithm = Algorithm::kPostLocal;
  config.sync.switch_step = 2;
  config.steps_per_epoch = 4;
  const Schedule schedule = make_schedule(config, 4);
  testing::StepLog log;
  StepCollector collector(schedule, 2, 8, /*first=*/2, log);
  const auto report = [&](int worker, Step step, double loss) {
    collector.add({.step = step,
                   .worker = worker,
                   .loss = loss,
                   .correct = 4,
                   .data_seconds = 1,
                   .forward_seconds = 2,
                   .backward_seconds = 4,
                   .update_seconds = worker * 16.0,
                   .bytes = 10});
  };
  report(1, 2, 3.0);
  report(1, 3, 1.0);
  report(1, 4, 1.0);
  EXPECT_TRUE(log.steps.empty());
  report(0, 2, 1.0);
  ASSERT_EQ(log.steps.size(), 1u);
  report(0, 3, 2.0);
  report(0, 4, 1.0);
  ASSERT_EQ(log.steps.size(), 3u);

  const StepRecord& first = log.steps[0];
  EXPECT_EQ(first.step, 2);
  EXPECT_EQ(first.loss, 2.0);
  EXPECT_EQ(first.top1, 0.5);
  EXPECT_EQ(first.samples, 3 * 16);
  EXPECT_EQ(first.epoch, 0.75);
  EXPECT_EQ(first.round, 0);
  EXPECT_EQ(first.period, 2);
  EXPECT_EQ(first.bytes, 20);
  EXPECT_EQ(first.data_seconds, 1);
  EXPECT_EQ(first.forward_seconds, 2);
  EXPECT_EQ(first.backward_seconds, 4);
  EXPECT_EQ(first.update_seconds, 8);
  EXPECT_EQ(first.compute_seconds(), 15);
  EXPECT_EQ(first.sync, Sync::kNone);
  EXPECT_EQ(log.steps[1].sync, Sync::kParameters);
  EXPECT_EQ(log.steps[1].loss, 1.5);
  EXPECT_EQ(log.steps[2].round, 1);
}

}  // namespace
}  // namespace drift
