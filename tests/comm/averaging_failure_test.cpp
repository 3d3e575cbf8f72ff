// What happens when a worker fails, leaves or asks for something else: all workers get an Error that says who and why;
// nobody hangs.
#include <atomic>
#include <gtest/gtest.h>
#include <stdexcept>

#include "core/rng.h"
#include "tests/comm/run_workers.h"
#include "tests/support/seed.h"

namespace drift::testing {
namespace {

constexpr int kWorkers = 4;

::testing::AssertionResult failed_with(const std::optional<Error>& error, std::string_view text) {
  if (!error) return ::testing::AssertionFailure() << "no error";
  if (error->kind() != ErrorKind::kComm) return ::testing::AssertionFailure() << "another kind: " << error->what();
  if (error->message().find(text) == std::string::npos) return ::testing::AssertionFailure() << error->what();
  return ::testing::AssertionSuccess();
}

TEST(Abort, WakesAllThatWaitWithTheReason) {
  const WorkerErrors errors = run_workers(kWorkers, [](Communicator& comm, Backend& backend) {
    std::vector<float> values(100);
    comm.all_reduce_mean(values, backend);
    if (comm.worker() == 2) {
      comm.abort("the loss is not finite");
    } else {
      comm.all_reduce_mean(values, backend);
      FAIL() << "worker " << comm.worker() << " got an average without worker 2";
    }
  });
  EXPECT_FALSE(errors[2]);
  for (int worker : {0, 1, 3}) {
    const auto& error = errors[static_cast<std::size_t>(worker)];
    EXPECT_TRUE(failed_with(error, "worker 2 gave up: the loss is not finite"));
    EXPECT_TRUE(failed_with(error, fmt::format("worker {} of 4, all_reduce_mean of 100 floats", worker)));
  }
}

TEST(Abort, WorksFromOutsideAndMakesEveryLaterCallThrow) {
  auto communicators = make_communicators(Membership::alone(kWorkers));
  std::atomic<int> waiting{0};
  std::atomic<bool> aborted{false};
  std::thread watchdog([&] {
    while (waiting.load() < kWorkers - 1) std::this_thread::yield();
    communicators[0]->abort("first");
    communicators[1]->abort("second");
    aborted = true;
  });
  const WorkerErrors errors = run_workers(communicators, [&](std::unique_ptr<Communicator>& comm, Backend& backend) {
    std::vector<float> values(3);
    if (comm->worker() != 0) {
      ++waiting;
      EXPECT_THROW(comm->barrier(), Error);
    } else {
      while (!aborted.load()) std::this_thread::yield();
    }
    EXPECT_THROW(comm->all_reduce_mean(values, backend), Error);
    EXPECT_THROW(comm->barrier(), Error);
    comm->broadcast(values, 1, backend);
  });
  watchdog.join();
  for (const auto& error : errors) EXPECT_TRUE(failed_with(error, "worker 0 gave up: first"));
}

// Whether it came to offer its span or not.
TEST(Abort, WakesAllThatWaitForMeansInTheBackground) {
  for (const bool offers : {false, true}) {
    const WorkerErrors errors = run_workers(kWorkers, [&](Communicator& comm, Backend& backend) {
      std::vector<float> first(100), second(50);
      comm.prepare_means(backend);
      comm.start_mean(first, backend);
      if (comm.worker() == 2) {
        if (offers) comm.start_mean(second, backend);
        comm.abort("the loss is not finite");
        EXPECT_THROW(comm.start_mean(first, backend), Error);
        return;
      }
      comm.start_mean(second, backend);
      comm.wait_for_means(backend);
      EXPECT_TRUE(offers) << "worker " << comm.worker() << " got an average without worker 2";
      comm.barrier();
      FAIL() << "worker 2 does not come";
    });
    EXPECT_FALSE(errors[2]);
    for (int worker : {0, 1, 3}) {
      EXPECT_TRUE(failed_with(errors[static_cast<std::size_t>(worker)], "worker 2 gave up: the loss is not finite"));
    }
  }
}

TEST(Abort, StopsOneRankAloneToo) {
  const auto communicators = make_communicators(Membership::alone(1));
  communicators[0]->abort("stop");
  EXPECT_THROW(communicators[0]->barrier(), Error);
}

// A worker that throws between two collectives takes its communicator with it.
TEST(Leaving, StopsTheOthers) {
  auto communicators = make_communicators(Membership::alone(kWorkers));
  const WorkerErrors errors = run_workers(communicators, [](std::unique_ptr<Communicator>& comm, Backend& backend) {
    const std::unique_ptr<Communicator> mine = std::move(comm);
    std::vector<float> values(40);
    mine->all_reduce_mean(values, backend);
    if (mine->worker() == 1) DRIFT_FAIL(kData, "image 7 is truncated");
    mine->all_reduce_mean(values, backend);
  });
  EXPECT_EQ(errors[1]->message(), "image 7 is truncated");
  for (int worker : {0, 2, 3}) EXPECT_TRUE(failed_with(errors[static_cast<std::size_t>(worker)], "worker 1 has left"));
}

// A worker that is done and gone early must not turn the last collective of a slower one into an error.
TEST(Leaving, AfterTheLastCallIsNoError) {
  for (int repeat = 0; repeat < 100; ++repeat) {
    auto communicators = make_communicators(Membership::alone(kWorkers));
    const WorkerErrors errors = run_workers(communicators, [](std::unique_ptr<Communicator>& comm, Backend& backend) {
      const std::unique_ptr<Communicator> mine = std::move(comm);
      std::vector<float> values(1);
      mine->all_reduce_mean(values, backend);
      mine->barrier();
    });
    for (const auto& error : errors) ASSERT_FALSE(error) << error->what();
  }
}

// One worker's maths fails in the middle of the collective; the others may be writing to its memory, which goes when it
// unwinds.
TEST(FailingWork, StopsAllAfterEverybodyIsDoneWithTheMemory) {
  struct FailingBackend final : FakeBackend {
    void run(const Op& op) override {
      if (std::holds_alternative<Average>(op)) throw std::runtime_error("no memory for sums");
      FakeBackend::run(op);
    }
  };
  auto communicators = make_communicators(Membership::alone(kWorkers));
  std::string own_error;
  const WorkerErrors errors = run_workers(communicators, [&](std::unique_ptr<Communicator>& comm, Backend& backend) {
    std::vector<float> values(4096, 1.0f);  // freed on the way out: a sanitizer sees who comes late
    if (comm->worker() != 3) return comm->all_reduce_mean(values, backend);
    FailingBackend failing;
    try {
      comm->all_reduce_mean(values, failing);
    } catch (const std::runtime_error& error) {
      own_error = error.what();
    }
  });
  EXPECT_EQ(own_error, "no memory for sums");
  for (int worker : {0, 1, 2}) {
    EXPECT_TRUE(failed_with(errors[static_cast<std::size_t>(worker)], "worker 3 gave up: no memory for sums"));
  }
}

TEST(Mismatch, OfLengthsNamesRanksAndLengths) {
  const WorkerErrors errors = run_workers(kWorkers, [](Communicator& comm, Backend& backend) {
    std::vector<float> values(comm.worker() == 2 ? 11 : 10);
    comm.all_reduce_mean(values, backend);
  });
  for (const auto& error : errors) {
    EXPECT_TRUE(
        failed_with(error, "worker 0, 1, 3: all_reduce_mean of 10 floats; worker 2: all_reduce_mean of 11 floats"));
  }
}

TEST(Mismatch, OfCallsNamesWhatEachAskedFor) {
  const WorkerErrors errors = run_workers(kWorkers, [](Communicator& comm, Backend& backend) {
    std::vector<float> values(10);
    if (comm.worker() == 0) comm.barrier();
    if (comm.worker() == 1) comm.all_reduce_mean(values, backend);
    if (comm.worker() >= 2) comm.broadcast(values, comm.worker(), backend);
  });
  for (const auto& error : errors) {
    EXPECT_TRUE(
        failed_with(error,
                    "(worker 0: barrier; worker 1: all_reduce_mean of 10 floats; worker 2: broadcast of 10 floats from "
                    "worker 2; worker 3: broadcast of 10 floats from worker 3)"));
  }
}

TEST(Mismatch, OfRootsIsOne) {
  const WorkerErrors errors = run_workers(kWorkers, [](Communicator& comm, Backend& backend) {
    std::vector<float> values(10);
    comm.broadcast(values, comm.worker() % 2, backend);
  });
  for (const auto& error : errors) {
    EXPECT_TRUE(
        failed_with(error, "worker 0, 2: broadcast of 10 floats from worker 0; worker 1, 3: broadcast of 10 floats"));
  }
}

TEST(Mismatch, RootsOutOfRangeAreRefused) {
  for (const int root : {-1, kWorkers}) {
    const WorkerErrors errors = run_workers(kWorkers, [&](Communicator& comm, Backend& backend) {
      std::vector<float> values(10);
      comm.broadcast(values, root, backend);
    });
    for (const auto& error : errors)
      EXPECT_TRUE(failed_with(error, fmt::format("there is no worker {}, only 0 to 3", root)));
  }
}

// Any worker gives up at any call of a long run: every other one stops at that call or the one before, with its reason.
TEST(Abort, AtARandomCallStopsEveryRankInStep) {
  constexpr std::uint64_t kRuns = 60;
  const Rng rng(seed(), stream_id(Purpose::kTest, 77));
  for (std::uint64_t run = 0; run < kRuns; ++run) {
    const int workers = 2 + static_cast<int>(rng.below(3 * run, 5));
    const int culprit = static_cast<int>(rng.below(3 * run + 1, static_cast<std::uint32_t>(workers)));
    const int last_call = static_cast<int>(rng.below(3 * run + 2, 20));
    std::vector<int> done(static_cast<std::size_t>(workers));
    const WorkerErrors errors = run_workers(workers, [&](Communicator& comm, Backend& backend) {
      std::vector<float> values(64);
      int& calls = done[static_cast<std::size_t>(comm.worker())];
      while (comm.worker() != culprit || calls < last_call) {
        comm.all_reduce_mean(values, backend);
        ++calls;
      }
      comm.abort("enough");
    });
    for (int worker = 0; worker < workers; ++worker) {
      EXPECT_EQ(done[static_cast<std::size_t>(worker)], last_call);
      if (worker != culprit) {
        EXPECT_TRUE(
            failed_with(errors[static_cast<std::size_t>(worker)], fmt::format("worker {} gave up: enough", culprit)));
      }
    }
  }
}

}  // namespace
}  // namespace drift::testing
