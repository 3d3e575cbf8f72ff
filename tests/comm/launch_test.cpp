// What the variables of launchers say, and whom they find.
#include "comm/launch.h"

#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

#include "core/thread_team.h"
#include "tests/support/error_of.h"

namespace drift::testing {
namespace {

using Variables = std::map<std::string, std::string>;

Launch detect(const Variables& variables) {
  return detect_launch([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

TEST(Launch, KnowsEachLauncherByItsVariables) {
  EXPECT_EQ(detect({}).launcher, Launcher::kNone);
  EXPECT_EQ(detect({}).processes, 1);
  const auto expect = [](const Variables& variables, Launcher launcher) {
    const Launch launch = detect(variables);
    EXPECT_EQ(launch.launcher, launcher) << launch.variables;
    EXPECT_EQ(launch.process, 2) << launch.variables;
    EXPECT_EQ(launch.processes, 4) << launch.variables;
  };
  expect({{"OMPI_COMM_WORLD_RANK", "2"}, {"OMPI_COMM_WORLD_SIZE", "4"}}, Launcher::kMpi);
  expect({{"PMI_RANK", "2"}, {"PMI_SIZE", "4"}}, Launcher::kMpi);
  expect({{"SLURM_PROCID", "2"}, {"SLURM_STEP_NUM_TASKS", "4"}}, Launcher::kMpi);
  expect({{"RANK", "2"}, {"WORLD_SIZE", "4"}, {"MASTER_ADDR", "a"}, {"MASTER_PORT", "1"}}, Launcher::kTorchrun);
}

TEST(Launch, OfTwoLaunchersTheInnerOneCounts) {
  // mpirun within a Slurm job: its daemons are the tasks of the step.
  const Launch launch = detect({{"SLURM_PROCID", "1"},
                                {"SLURM_STEP_NUM_TASKS", "2"},
                                {"OMPI_COMM_WORLD_RANK", "5"},
                                {"OMPI_COMM_WORLD_SIZE", "8"}});
  EXPECT_EQ(launch.process, 5);
  EXPECT_EQ(launch.processes, 8);
  // A batch script is no task of a step, and half a pair says nothing.
  EXPECT_EQ(detect({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}}).launcher, Launcher::kNone);
  EXPECT_EQ(detect({{"RANK", "3"}}).launcher, Launcher::kNone);
  // Scripts copy one launcher's numbers into the other's variables.
  EXPECT_EQ(detect({{"RANK", "1"}, {"WORLD_SIZE", "2"}, {"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "2"}})
                .launcher,
            Launcher::kMpi);
}

TEST(Launch, RefusesContradictionsAndNonsense) {
  const auto refusal = [](const Variables& variables) {
    const Error error = error_of([&] { detect(variables); });
    EXPECT_EQ(error.kind(), ErrorKind::kConfig);
    return error.message();
  };
  EXPECT_EQ(refusal({{"RANK", "0"}, {"WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "2"}}),
            "two launchers disagree: OMPI_COMM_WORLD_RANK and OMPI_COMM_WORLD_SIZE say process 0 of 2, RANK and "
            "WORLD_SIZE say process 0 of 4. Use one, and unset the other's variables");
  EXPECT_EQ(refusal({{"RANK", "1"}, {"WORLD_SIZE", "4"}, {"MASTER_ADDR", "node7"}}),
            "RANK and WORLD_SIZE are set, and MASTER_ADDR or MASTER_PORT is not: nobody says where process 0 is");
  EXPECT_EQ(refusal({{"WORLD_SIZE", "4"}}),
            "WORLD_SIZE says that there are 4 processes, and RANK does not say which one this is");
  EXPECT_EQ(refusal({{"RANK", "zero"}, {"WORLD_SIZE", "4"}}), "RANK is 'zero', expected a number");
  EXPECT_EQ(refusal({{"RANK", "-1"}, {"WORLD_SIZE", "4"}}), "RANK is '-1', expected a number");
  EXPECT_EQ(refusal({{"RANK", "4"}, {"WORLD_SIZE", "4"}}), "RANK and WORLD_SIZE are 4 and 4: there is no such process");
}

TEST(Launch, TorchrunSaysWhereTheFirstProcessIs) {
  const Launch launch = detect({{"RANK", "1"},
                                {"WORLD_SIZE", "4"},
                                {"MASTER_ADDR", "node7"},
                                {"MASTER_PORT", "29500"},
                                {"TORCHELASTIC_RUN_ID", "job 9"}});
  EXPECT_EQ(launch.host, "node7");
  EXPECT_EQ(launch.port, 29501);
  EXPECT_EQ(launch.token, "job 9");
}

TEST(Launch, TorchrunsProcessesFindEachOther) {
  const std::string port = std::to_string(port_of(listen_on(0)) - 1);
  ThreadTeam("the processes", 2, [&](int process, const std::stop_token&) {
    const Job job = join_launched(detect({{"RANK", std::to_string(process)},
                                          {"WORLD_SIZE", "2"},
                                          {"MASTER_ADDR", "localhost"},
                                          {"MASTER_PORT", port}}),
                                  {.timeout_seconds = 60});
    EXPECT_EQ(job.process, process);
    EXPECT_EQ(job.local_process, process);
    EXPECT_EQ(job.transport, nullptr);
    job.control->gather("end", "");
  });
}

TEST(Launch, OneProcessIsAlone) {
  const Job job = join_launched(detect({{"RANK", "0"}, {"WORLD_SIZE", "1"}}), {});
  EXPECT_EQ(job.processes, 1);
  EXPECT_EQ(job.team_of(6).team.local_workers(), 6);
}

}  // namespace
}  // namespace drift::testing
