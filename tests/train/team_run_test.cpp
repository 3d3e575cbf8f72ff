// Processes that are threads, over a transport between them: a run has the same bits for every layout of its workers.
#include "tests/train/team_run.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <vector>

#include "comm/job.h"
#include "tests/support/error_of.h"
#include "tests/train/hooked_dataset.h"
#include "tests/train/run_processes.h"
#include "tests/train/toy_run.h"

namespace drift::testing {
namespace {

class TeamRun : public ::testing::TestWithParam<int> {};

TEST_P(TeamRun, HasTheBitsOfOneProcess) {
  run_processes(GetParam(), [](const auto& transport) { check_runs([&] { return join_job(transport, {}); }); });
}

TEST_P(TeamRun, AllLeaveAtOneStep) {
  run_processes(GetParam(), [](const auto& transport) { check_stops([&] { return join_job(transport, {}); }); });
}

TEST_P(TeamRun, AnErrorAnywhereIsTheErrorOfAll) {
  for (int failing = 0; failing < GetParam(); ++failing) {
    run_processes(GetParam(), [&](const std::shared_ptr<Transport>& transport) {
      const Job job = join_job(transport, {});
      const Membership membership = job.team_of(2 * job.processes);
      TrainConfig config = toy_config(membership.team.workers, 3, 8);
      config.data.sampling = Sampling::kSequential;
      DataSource data = toy_data(8 * membership.team.workers * 4);
      const std::int64_t index = (5 * membership.team.workers + 2 * failing + 1) * 4;  // step 5, its second worker
      data.train = std::make_unique<HookedDataset>(std::move(data.train), [&, index](std::int64_t read) {
        DRIFT_CHECK(kData, job.process != failing || read != index, "image {} cannot be read", read);
      });
      Trainer trainer(config, data, membership);
      StepLog log;
      const Error error = error_of([&] { run_to(trainer, 8, log); });
      EXPECT_EQ(error.kind(), ErrorKind::kData);
      const std::string message = fmt::format("image {} cannot be read", index);
      EXPECT_EQ(error.message(), job.process == failing ? message : fmt::format("process {}: {}", failing, message));
      const TeamFailure first = job.control->first_failure();
      EXPECT_EQ(first.process, failing);
      EXPECT_EQ(first.message, message);
    });
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
