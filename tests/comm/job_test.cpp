// Processes that are threads find each other over a transport.
#include "comm/job.h"

#include <gtest/gtest.h>

#include "core/host_name.h"
#include "core/thread_team.h"
#include "kernels/device.h"
#include "tests/comm/loopback.h"
#include "tests/support/error_of.h"

namespace drift::testing {
namespace {

TEST(Job, TheProcessesFindEachOtherAndShareTheMachine) {
  constexpr int kProcesses = 3;
  const auto mail = std::make_shared<Mailboxes>(kProcesses);
  ThreadTeam("the processes", kProcesses, [&](int process, const std::stop_token&) {
    const Job job = join_job(std::make_shared<Loopback>(mail, process), {.timeout_seconds = 60});
    EXPECT_EQ(job.process, process);
    EXPECT_EQ(job.processes, kProcesses);
    EXPECT_EQ(job.hosts, std::vector<std::string>(kProcesses, host_name()));
    EXPECT_EQ(job.cores, std::max(1, cpu_features().cores / kProcesses));
    const Membership membership = job.team_of(6);
    EXPECT_EQ(membership.team.first_worker(), 2 * process);
    EXPECT_EQ(membership.cores, job.cores);
    EXPECT_NE(error_of([&] { job.team_of(7); }).message().find("cannot be shared evenly"), std::string::npos);
    job.control->gather("end", "");
  });
}

TEST(Job, OneProcessHasTheMachine) {
  const Job job = lone_job();
  EXPECT_EQ(job.processes, 1);
  EXPECT_EQ(job.cores, cpu_features().cores);
  EXPECT_EQ(job.transport, nullptr);
}

}  // namespace
}  // namespace drift::testing
