// K workers in P processes, over a transport between threads.
#include "comm/team.h"

#include <gtest/gtest.h>

#include "core/thread_team.h"
#include "tests/comm/loopback.h"
#include "tests/comm/run_workers.h"
#include "tests/comm/team_checks.h"
#include "tests/support/error_of.h"

namespace drift::testing {
namespace {

TEST(Team, ProcessesHoldAlignedGroups) {
  const Team team{.workers = 8, .processes = 4, .process = 2};
  EXPECT_EQ(team.local_workers(), 2);
  EXPECT_EQ(team.first_worker(), 4);
  EXPECT_EQ(team.process_of(3), 1);
  EXPECT_EQ(team.process_of(4), 2);
}

TEST(Team, SaysWhereTheBitsAreThoseOfOneProcess) {
  const auto keeps = [](int workers, int processes) {
    return Team{.workers = workers, .processes = processes}.has_bits_of_one_process();
  };
  EXPECT_TRUE(keeps(6, 1));
  EXPECT_TRUE(keeps(6, 6));
  EXPECT_TRUE(keeps(6, 3));
  EXPECT_FALSE(keeps(6, 2));
  EXPECT_TRUE(keeps(12, 3));
}

TEST(Team, NamesTheNumbersOfProcessesThatWouldDo) {
  const Error error = error_of([] { check({.workers = 6, .processes = 4}); });
  EXPECT_EQ(error.kind(), ErrorKind::kConfig);
  EXPECT_EQ(
      error.message(),
      "6 workers cannot be shared evenly by 4 processes. Start 1, 2, 3, 6 processes, or ask for --workers 4 or 8");
  EXPECT_TRUE(error_of([] { check({.workers = 2, .processes = 3}); }).message().ends_with("or ask for --workers 3"));
  EXPECT_NO_THROW(check({.workers = 6, .processes = 3}));
}

struct Layout {
  int processes, local_workers;
};

class Teams : public ::testing::TestWithParam<Layout> {
 protected:
  // Runs `check` as each of the processes.
  template <class Check>
  void as_each_process(const Check& check) {
    const auto mail = std::make_shared<Mailboxes>(GetParam().processes);
    ThreadTeam("the processes", GetParam().processes, [&](int process, const std::stop_token&) {
      check(Team{.workers = GetParam().processes * GetParam().local_workers,
                 .processes = GetParam().processes,
                 .process = process},
            std::make_shared<Loopback>(mail, process));
    });
  }
};

TEST_P(Teams, MeansHaveTheBitsOfTheTree) {
  as_each_process(check_means);
}
TEST_P(Teams, BroadcastsComeFromEveryWorker) {
  as_each_process(check_broadcasts);
}
TEST_P(Teams, BytesAreThoseOfTheFormula) {
  as_each_process(check_bytes);
}
TEST_P(Teams, MeansByTheLibraryAreMeans) {
  as_each_process(check_fast_means);
}

INSTANTIATE_TEST_SUITE_P(All, Teams,
                         ::testing::Values(Layout{2, 1}, Layout{2, 2}, Layout{2, 3}, Layout{2, 4}, Layout{3, 1},
                                           Layout{3, 2}, Layout{4, 1}, Layout{4, 2}, Layout{5, 1}),
                         [](const auto& one) {
                           return std::to_string(one.param.processes) + "x" + std::to_string(one.param.local_workers);
                         });

// A worker gives up while the first of its process waits for another process: nobody of this process hangs.
TEST(TeamFailure, AWorkerThatGivesUpEndsTheWaitForAnotherProcess) {
  const auto mail = std::make_shared<Mailboxes>(2);
  auto communicators =
      make_communicators({{.workers = 4, .processes = 2, .process = 0}, std::make_shared<Loopback>(mail, 0)});
  const WorkerErrors errors = run_workers(communicators, [](std::unique_ptr<Communicator>& comm, Backend& backend) {
    std::vector<float> values(100);
    if (comm->worker() == 1) {
      comm->abort("the loss is not finite");
    } else {
      comm->all_reduce_mean(values, backend);
    }
  });
  ASSERT_TRUE(errors[0]);
  EXPECT_EQ(errors[0]->kind(), ErrorKind::kComm);
  EXPECT_NE(errors[0]->message().find("worker 1 gave up: the loss is not finite"), std::string::npos)
      << errors[0]->message();
}

// What fails between processes fails in all workers, under the numbers that the team gives them.
TEST(TeamFailure, ALostTransportEndsAllWorkersOfTheProcess) {
  const auto mail = std::make_shared<Mailboxes>(2);
  mail->abort(0, "process 1 is gone");
  auto communicators =
      make_communicators({{.workers = 4, .processes = 2, .process = 0}, std::make_shared<Loopback>(mail, 0)});
  const WorkerErrors errors = run_workers(communicators, [](std::unique_ptr<Communicator>& comm, Backend& backend) {
    std::vector<float> values(100);
    comm->all_reduce_mean(values, backend);
  });
  for (const auto& error : errors) {
    ASSERT_TRUE(error);
    EXPECT_NE(error->message().find("process 1 is gone"), std::string::npos) << error->message();
  }
}

TEST(TeamFailure, NamesWorkersByTheirPlaceInTheTeam) {
  auto communicators = make_communicators(
      {{.workers = 4, .processes = 2, .process = 1}, std::make_shared<Loopback>(std::make_shared<Mailboxes>(2), 1)});
  const WorkerErrors errors = run_workers(communicators, [](std::unique_ptr<Communicator>& comm, Backend& backend) {
    std::vector<float> values(7);
    if (comm->worker() == 2) comm->barrier();
    if (comm->worker() == 3) comm->all_reduce_mean(values, backend);
  });
  for (const auto& error : errors) {
    ASSERT_TRUE(error);
    EXPECT_NE(error->message().find("worker 2: barrier; worker 3: all_reduce_mean of 7 floats"), std::string::npos)
        << error->message();
  }
}

}  // namespace
}  // namespace drift::testing
