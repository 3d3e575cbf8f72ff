// Which workers compute at once: how threads are shared, who gets a lane first, whose memory it is.
#include "train/lanes.h"

#include <gtest/gtest.h>
#include <thread>
#include <vector>

#include "core/check.h"

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

TEST(ShareThreads, OnAGpuAllWorkersComputeAtOnce) {
  MachineConfig machine;
  machine.threads = 4;
  EXPECT_EQ(share_device(DeviceType::kCpu, 32, machine, 2).lanes, 4);
  const ThreadLayout layout = share_device(DeviceType::kCuda, 32, machine, 2);
  EXPECT_EQ(layout.lanes, 32);
  EXPECT_EQ(layout.threads, 4);
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

TEST(Lanes, AGpuIsSharedByAsManyWorkersAsItCanAverage) {
  const Device gpu{DeviceType::kCuda, 0};
  EXPECT_NO_THROW(check_share_device(gpu, 127));
  EXPECT_THROW(check_share_device(gpu, 128), Error);
  EXPECT_NO_THROW(check_share_device(Device{}, 65536));
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

}  // namespace
}  // namespace drift
