// Processes that are threads, over a transport between them: a run has the same bits for every layout of its workers.
#include "tests/train/team_run.h"

#include <gtest/gtest.h>
#include <thread>
#include <vector>

#include "tests/comm/loopback.h"
#include "tests/support/error_of.h"
#include "tests/train/toy_run.h"

namespace drift::testing {
namespace {

class TeamRun : public ::testing::TestWithParam<int> {};

TEST_P(TeamRun, HasTheBitsOfOneProcess) {
  const int processes = GetParam();
  const auto mail = std::make_shared<Mailboxes>(processes);
  std::vector<std::jthread> threads;
  for (int process = 0; process < processes; ++process) {
    threads.emplace_back([&, process] { check_runs(std::make_shared<Loopback>(mail, process)); });
  }
}

INSTANTIATE_TEST_SUITE_P(Processes, TeamRun, ::testing::Values(2, 3, 4));

TEST(TeamRunErrors, WorkersMustFitTheProcesses) {
  const DataSource data = toy_data(40);
  const auto transport = std::make_shared<Loopback>(std::make_shared<Mailboxes>(4), 0);
  for (const int workers : {2, 6}) {
    const Error error = error_of([&] {
      Trainer(toy_config(workers, 4, 8), data, {{.workers = workers, .processes = 4}, transport});
    });
    EXPECT_EQ(error.kind(), ErrorKind::kConfig);
    EXPECT_NE(error.message().find("workers cannot be shared evenly by 4 processes"), std::string::npos)
        << error.message();
  }
}

}  // namespace
}  // namespace drift::testing
