// Runs of a team over MPI. Every process runs the same tests (tests/support/mpirun.sh).
#include <gtest/gtest.h>

#include "tests/comm/mpi_processes.h"
#include "tests/train/team_run.h"

namespace drift::testing {
namespace {

TEST(MpiTeamRun, HasTheBitsOfOneProcess) {
  check_runs([] { return join_job(MpiProcesses::transport(), {}); });
}

TEST(MpiTeamRun, AllLeaveAtOneStep) {
  check_stops([] { return join_job(MpiProcesses::transport(), {}); });
}

}  // namespace
}  // namespace drift::testing
